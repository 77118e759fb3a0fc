"""Documents rewritten into a form from which openapi-python-client drops nothing."""
