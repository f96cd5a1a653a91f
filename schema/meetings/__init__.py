"""Meetings: their rows, their life cycle, and the shapes in which clients see them."""
