"""Webhooks: the outbox of messages, the check of receivers' addresses, and the wire types."""
