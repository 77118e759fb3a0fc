"""Programs that show the package at work, from its public names."""
