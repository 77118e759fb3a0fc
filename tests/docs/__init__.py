"""The documentation: its examples run, its catalogues are complete, its links lead somewhere."""
