"""A service of your own, and its tests on the emulator."""
