"""FastAPI (extra `fastapi`): one client per application, a view of it per request, errors as problem details.

::

    app = FastAPI(lifespan=lifespan())
    install(app)

    @app.get("/senders")
    async def senders(sinch: Sinch) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()
"""

try:
    import fastapi as _fastapi
except ImportError as error:
    raise ImportError(
        'sinch_provisioning.fastapi needs an extra: pip install "sinch-provisioning[fastapi]"',
        name=error.name,
    ) from error

from .app import install
from .dependencies import (
    ChosenProject,
    Sinch,
    current_client,
    project,
    project_from_header,
    project_from_path,
)
from .disconnect import CancelOnDisconnect
from .lifespan import lifespan, open_for
from .problem_details import PROBLEM_RESPONSES
from .problem_middleware import add_problem_handlers
from .readiness import add_readiness
from .response_models import RcsSenderResponse, SenderResponse
from .webhooks import webhook_router

del _fastapi

__all__ = [
    "PROBLEM_RESPONSES",
    "CancelOnDisconnect",
    "ChosenProject",
    "RcsSenderResponse",
    "SenderResponse",
    "Sinch",
    "add_problem_handlers",
    "add_readiness",
    "current_client",
    "install",
    "lifespan",
    "open_for",
    "project",
    "project_from_header",
    "project_from_path",
    "webhook_router",
]
