"""Desired state: a file or a value that lists senders, the plan to get there, and its execution.

Files need the extra `cli` (YAML and the JSON schema); states built in Python need nothing.
"""

from .apply_state import apply
from .changes import Change, compare, situation_of
from .file import DesiredFileError, load
from .outcome import Applied, Outcome
from .plans import Plan, Wanted, list_channels, plan, raise_if_all_failed, resolve
from .project_channel import ProjectChannel, name_of, open_channels
from .references import SecretReference
from .sender_task import may_pass, requested_pause
from .state import Channel, DesiredProject, DesiredSender, DesiredState

__all__ = [
    "Applied",
    "Change",
    "Channel",
    "DesiredFileError",
    "DesiredProject",
    "DesiredSender",
    "DesiredState",
    "Outcome",
    "Plan",
    "ProjectChannel",
    "SecretReference",
    "Wanted",
    "apply",
    "compare",
    "list_channels",
    "load",
    "may_pass",
    "name_of",
    "open_channels",
    "plan",
    "raise_if_all_failed",
    "requested_pause",
    "resolve",
    "situation_of",
]
