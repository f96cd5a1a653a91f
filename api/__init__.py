"""The API: HTTP, live sockets, events, and the command line."""
