"""Checks and limits that run before every route."""
