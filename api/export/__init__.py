"""A meeting as a file."""
