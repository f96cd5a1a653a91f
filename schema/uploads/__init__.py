"""Uploads: table, life cycle, queue, views and wire types."""
