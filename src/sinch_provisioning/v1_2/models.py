"""The models of Sinch's own API, under a public name: `from sinch_provisioning.v1_2.models import RcsSender`.

attrs classes, generated into `sinch_provisioning_v1_2_api.models`. Absent values read as None, unknown
properties are kept in `additional_properties`. Names ending in `Fields` are TypedDicts, for bodies given as mappings.
"""

from sinch_provisioning_v1_2_api.models import *  # noqa: F403 - as many as the document has
from sinch_provisioning_v1_2_api.models import __all__  # noqa: F401
