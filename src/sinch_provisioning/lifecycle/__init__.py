"""What the helpers do with a sender of either API: ensure it, launch it once, watch it. Knows no document."""
