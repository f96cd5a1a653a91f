"""Examples of health and status for the API's reference; see `api.http.examples`."""

from __future__ import annotations

from schema.meetings.answers import Part, Readiness, ShardStatus, SystemStatus

REDIS = Part(ok=True, detail="127.0.0.1:6379/0")
READY = Readiness(ready=True, parts={"redis": REDIS, "database": Part(ok=True, detail="at revision 0006")})
NOT_READY = Readiness(
    ready=False,
    parts={
        "redis": REDIS,
        "database": Part(ok=False, detail="at revision 0005, 0006 is needed; run 'minutebook db upgrade'"),
    },
)
STATUS = SystemStatus(
    pending_s=3.5,
    shards=[ShardStatus(shard=0, waiting_tracks=3, due_tracks=1, leased_tracks=2, pending_s=3.5)],
    followed_meetings=2,
)
