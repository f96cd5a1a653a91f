"""Uploads: their life cycle, their turn, and the shapes in which clients see them."""
