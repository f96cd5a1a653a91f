"""Celery workers: they transcribe, summarise, decode files and deliver webhooks."""
