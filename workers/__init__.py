"""Celery workers: live transcription and summarisation."""
