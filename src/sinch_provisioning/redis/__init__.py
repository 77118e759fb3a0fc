"""What a fleet of processes shares in Redis or Valkey (extra `redis`): tokens, a request rate, locks, webhooks."""

from .event_hub import RedisEventHub
from .locks import RedisLocks
from .rate_limit import RedisRateLimit
from .replays import RedisReplays
from .token_store import RedisTokenStore

__all__ = ["RedisEventHub", "RedisLocks", "RedisRateLimit", "RedisReplays", "RedisTokenStore"]
