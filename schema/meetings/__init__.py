"""Meetings: tables, life cycle, versions, search, minutes, views and wire types."""
