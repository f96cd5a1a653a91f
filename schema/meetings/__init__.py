"""Meetings: tables, life cycle, search, minutes, and the rows as clients see them."""
