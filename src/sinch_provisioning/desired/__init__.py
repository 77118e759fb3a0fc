"""Desired state: a file or a value that lists senders, what it would take to have them, and the doing of it.

Files need the extra `cli` (YAML and the JSON schema); states built in Python need nothing.
"""

from .difference import Action, Change, decide
from .file import DesiredFileError, load
from .outcome import Applied, Outcome
from .places import Place, name_of, places
from .plans import Listing, Plan, Wanted, open_all, plan, raise_if_blind, survey
from .references import SecretReference
from .rounds import apply
from .state import Channel, DesiredProject, DesiredSender, DesiredState

__all__ = [
    "Action",
    "Applied",
    "Change",
    "Channel",
    "DesiredFileError",
    "DesiredProject",
    "DesiredSender",
    "DesiredState",
    "Listing",
    "Outcome",
    "Place",
    "Plan",
    "SecretReference",
    "Wanted",
    "apply",
    "decide",
    "load",
    "name_of",
    "open_all",
    "places",
    "plan",
    "raise_if_blind",
    "survey",
]
