"""A schemathesis hook: statuses that the live API sends and its document leaves out.

A body that breaks the schema is a 400 on an update as on a create, a query parameter that does is one on a list, and
a launch has preconditions (412) and conflicts (409). The document lists none of these; without this hook each of them
would count as a failure of the emulator.
"""

from __future__ import annotations

from typing import Any

import schemathesis

UNDOCUMENTED = {"updateRcsSender": ("400",), "launchRcsSender": ("409", "412")}


@schemathesis.hook
def before_load_schema(context: object, raw_schema: dict[str, Any]) -> None:
    """Add the statuses to the document in memory."""
    del context
    for path in raw_schema["paths"].values():
        for operation in path.values():
            refusals = ("400",) if operation["operationId"].startswith("list") else ()
            for status in UNDOCUMENTED.get(operation["operationId"], refusals):
                operation["responses"][status] = {"description": "sent by the live API"}
