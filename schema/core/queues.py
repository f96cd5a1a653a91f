"""Names of Celery queues and tasks. Celery carries ids, never audio."""

from __future__ import annotations

TRANSCRIBE_QUEUE = "transcribe"
SUMMARIZE_QUEUE = "summarize"
INGEST_QUEUE = "ingest"

TRANSCRIBE = "minutebook.transcribe"
"""(shard: str): tracks of this shard are due. The message may be lost or arrive twice."""
SUMMARIZE = "minutebook.summarize"
"""(meeting_id: str): the meeting has enough new text for minutes, or has ended."""
INGEST = "minutebook.ingest"
"""(upload_id: str): this upload is complete, or its state has changed. The message may be lost or arrive twice: the
worker decides by itself which upload is next. Beat sends it without an id every second."""
DELIVER = "minutebook.deliver"
"""(): deliver the webhook messages that are due. The message may be lost or arrive twice."""
SWEEP = "minutebook.sweep"
"""(): enqueue again whatever a crash left behind, and finish idle meetings."""

WAKE_EXPIRES_S = 2.0
"""Wake-ups expire after this time, so that they never pile up. Beat sends a new one every second anyway."""
