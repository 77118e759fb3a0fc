"""Desired state: a file or a value that lists senders, the plan to get there, and its execution.

Files need the extra `cli` (YAML and the JSON schema); states built in Python need nothing.
"""

from .apply_state import apply
from .changes import Change, phase_of
from .file import DesiredFileError, load
from .outcome import Applied, Outcome
from .plans import Plan, Wanted, plan
from .project_channel import ProjectChannel, open_channels
from .references import SecretReference
from .request_slots import LATEST_ARRIVAL, Limiter, Pace, Stopped
from .rounds import Pauses, Rounds
from .sender_task import SenderTask, may_pass
from .state import Channel, DesiredProject, DesiredSender, DesiredState

__all__ = [
    "LATEST_ARRIVAL",
    "Applied",
    "Change",
    "Channel",
    "DesiredFileError",
    "DesiredProject",
    "DesiredSender",
    "DesiredState",
    "Limiter",
    "Outcome",
    "Pace",
    "Pauses",
    "Plan",
    "ProjectChannel",
    "Rounds",
    "SecretReference",
    "SenderTask",
    "Stopped",
    "Wanted",
    "apply",
    "load",
    "may_pass",
    "open_channels",
    "phase_of",
    "plan",
]
