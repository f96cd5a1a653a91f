"""Names that producers and workers agree on. Celery carries ids, never audio."""

from __future__ import annotations

TRANSCRIBE_QUEUE = "transcribe"
SUMMARIZE_QUEUE = "summarize"
INGEST_QUEUE = "ingest"

TRANSCRIBE = "minutebook.transcribe"
"""(shard: str): tracks of this shard are due. May be lost or doubled."""
SUMMARIZE = "minutebook.summarize"
"""(meeting_id: str): there is enough new text, or the meeting has ended."""
INGEST = "minutebook.ingest"
"""(upload_id: str): this upload is whole, or stands otherwise than before. May be lost or doubled; the worker takes
whichever is next in fairness. Beat sends it without an id every second."""
DELIVER = "minutebook.deliver"
"""(): carry the webhooks' messages that are due. May be lost or doubled."""
SWEEP = "minutebook.sweep"
"""(): re-enqueue what a crash left behind; finish idle meetings."""

WAKE_EXPIRES_S = 2.0
"""A wake-up that waited so long tells nothing new, since beat sends one every second; so they never pile up."""
