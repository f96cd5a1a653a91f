"""Sends webhook messages, and retries those that fail."""
