"""Corrections that are kept when a recording is read again or minutes are rewritten."""
