"""The doors: HTTP, WebSocket, events, the command line."""
