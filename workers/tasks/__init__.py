"""The Celery tasks, what a worker process holds, and what repairs crashes."""
