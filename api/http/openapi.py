"""The API's reference: every error is a problem document, and the live socket is described, which OpenAPI cannot."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schema.core.wire import Problem

DESCRIPTION = """\
Live meetings in, minutes out.

**Live socket** `WS /v1/meetings/{meeting_id}/live?track=main&after=0&events=1`

The server first sends `state` with `resume_sample`, where the audio goes on. Send binary frames: the position of the
first sample as 8 bytes little-endian, then PCM16 (16 kHz, mono, little-endian). Each is answered with
`ack {received_sample}` or with `error`, a problem document: after `audio-gap` go on at `expected_sample`, after
`backlogged` wait `retry_after_ms` and go on at `received_sample`. Anything may be sent again at any time.
Text frames: `{"type": "finish"}` ends the meeting, `{"type": "skip", "to_sample": N}` says that audio is lost for good.
All events of the meeting come as `{"type", "seq", "data"}`; `after` replays those with a higher `seq`, `events=0`
leaves all but `state` out. The socket is closed with 1000 after the state `finished`, with 4410 after the state
`deleted`, and with 4000 + HTTP status for what cannot go on: 4401 within seconds after its key was revoked.
Programs send the key as a header; browsers offer the subprotocols `minutebook` and `minutebook.key.<key>`.

**OpenAI's clients** work unchanged with `POST /v1/audio/transcriptions`, `GET /v1/models` and
`WS /v1/realtime?intent=transcription`; their own reference describes these, and errors there have OpenAI's shape.
"""


def install(app: FastAPI) -> None:
    """Serve the reference of *app* with the schema of problems in it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
            document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI names for it
