"""The facade against a server that misbehaves on a real socket."""
