"""Checks written sentences against the transcript."""
