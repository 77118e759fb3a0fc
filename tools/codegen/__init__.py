"""Python code from a normalized document."""
