"""The OpenAPI document as the emulator reads it: operations, routes, schemas, and the messages they describe."""
