"""Uploads: table, life cycle, queue, and the rows as clients see them."""
