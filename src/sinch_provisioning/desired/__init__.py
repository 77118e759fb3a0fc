"""Desired state: a file or a value that lists senders, the plan to get there, and its execution.

Files need the extra `cli` (YAML and the JSON schema); states built in Python need nothing.
"""

from .apply_state import apply
from .changes import Change
from .file import DesiredFileError, load
from .kinds import AnyClient, Api, Channel, Kind, kind_of, kinds
from .outcome import Applied, Outcome
from .plans import Plan, Wanted, plan
from .project_channel import ProjectChannel, open_channels
from .references import SecretReference
from .request_slots import LATEST_ARRIVAL, Limiter, Pace, Stopped
from .rounds import Pauses, Rounds
from .sender_task import SenderTask, may_pass
from .state import DesiredProject, DesiredSender, DesiredState

__all__ = [
    "LATEST_ARRIVAL",
    "AnyClient",
    "Api",
    "Applied",
    "Change",
    "Channel",
    "DesiredFileError",
    "DesiredProject",
    "DesiredSender",
    "DesiredState",
    "Kind",
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
    "kind_of",
    "kinds",
    "load",
    "may_pass",
    "open_channels",
    "plan",
]
