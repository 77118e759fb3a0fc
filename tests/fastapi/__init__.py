"""The FastAPI room."""
