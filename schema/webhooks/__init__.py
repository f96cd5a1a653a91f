"""Webhooks: the outbox, the addresses they may reach, and wire types."""
