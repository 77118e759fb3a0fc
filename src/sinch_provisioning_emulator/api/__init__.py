"""What the API does with a request: authentication, faults, operations, state."""
