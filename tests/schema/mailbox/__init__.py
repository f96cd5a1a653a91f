"""The mailbox against a real server."""
