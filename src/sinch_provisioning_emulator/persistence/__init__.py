"""State that survives restarts."""
