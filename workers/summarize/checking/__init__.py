"""Checks of what was written against what was said."""
