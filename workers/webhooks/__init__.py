"""Delivery of webhook messages, with retries."""
