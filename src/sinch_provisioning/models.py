"""The models of the API's document, under a public name: `from sinch_provisioning.models import RcsSender`.

attrs classes, generated into `sinch_provisioning_api.models`. Absent values read as None, unknown
properties are kept in `additional_properties`. Names ending in `Fields` are TypedDicts, for bodies given as mappings.
"""

from sinch_provisioning_api.models import *  # noqa: F403 - as many as the document has
from sinch_provisioning_api.models import __all__  # noqa: F401
