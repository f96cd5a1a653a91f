"""Webhooks: the outbox of messages, the addresses that they may go to, wire types."""
