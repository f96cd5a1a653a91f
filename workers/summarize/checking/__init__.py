"""Checks of written sentences against what was said."""
