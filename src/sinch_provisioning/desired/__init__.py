"""Desired state: a file or a value that lists senders, the plan to get there, and its execution.

Files need the extra `cli` (YAML and the JSON schema); states built in Python need nothing.
"""

from .apply import apply
from .changes import Change, compare, situation_of
from .file import DesiredFileError, load
from .outcome import Applied, Outcome
from .plan import Plan, Wanted, list_channels, plan, raise_if_all_failed, resolve
from .project_channel import ProjectChannel, name_of, open_channels
from .references import SecretReference
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
    "name_of",
    "open_channels",
    "plan",
    "raise_if_all_failed",
    "resolve",
    "situation_of",
]
