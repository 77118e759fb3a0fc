"""What the helpers do with a sender, whichever API it is of."""
