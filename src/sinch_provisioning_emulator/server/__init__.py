"""Ways in: an ASGI application, a uvicorn server, an httpx transport."""
