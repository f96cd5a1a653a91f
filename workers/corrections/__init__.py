"""Corrections that survive another reading or another version."""
