"""The connection room: one connection, the pool, proxies, TLS, what stands in for httpx."""
