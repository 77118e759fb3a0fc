"""What is done with a sender whatever document describes it."""
