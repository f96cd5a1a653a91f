"""The Celery tasks and what one worker process holds."""
