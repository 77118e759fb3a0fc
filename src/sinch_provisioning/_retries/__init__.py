"""Sending a request until there is an answer: decisions, pauses, error bodies."""
