"""One request and its reply over HTTP/1.1: slots, connections, bounded bodies."""
