"""The Celery tasks, the objects that a worker process keeps open, and the sweep that repairs crashes."""
