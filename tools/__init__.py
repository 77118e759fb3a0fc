"""Development commands: generate the low level, compare documents, guard the public names."""
