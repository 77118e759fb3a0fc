"""Sinch's own API, version 1.2: what its document does not say, from Sinch's public reference."""
