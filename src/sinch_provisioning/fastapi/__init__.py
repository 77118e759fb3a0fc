"""FastAPI (extra `fastapi`): one client for an application, views of it for its requests, its errors as problems.

::

    app = FastAPI(lifespan=lifespan())
    install(app)

    @app.get("/senders")
    async def senders(sinch: Sinch) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()
"""

from .app import (
    PROBLEM_RESPONSES,
    CancelOnDisconnect,
    ChosenProject,
    Documented,
    RcsSenderResponse,
    SenderResponse,
    Sinch,
    add_problem_handlers,
    add_readiness,
    current_client,
    install,
    lifespan,
    open_for,
    project,
    project_from_header,
    project_from_path,
)

__all__ = [
    "PROBLEM_RESPONSES",
    "CancelOnDisconnect",
    "ChosenProject",
    "Documented",
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
]
