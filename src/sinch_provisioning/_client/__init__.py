"""What the clients of both APIs are made of."""
