"""A call from request to value or error: deadline, token, attempts, parsing."""
