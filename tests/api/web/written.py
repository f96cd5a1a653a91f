"""A finished meeting as the workers leave it: the first half minute of the sample meeting."""

from __future__ import annotations

import json

from schema.core.states import MeetingState, SummaryKind
from tests.api.conftest import Api
from tests.api.database_rows import add_coverage, add_minutes, add_segments, move
from tests.api.kept_audio.stored import keep
from tests.models import ROOT
from tests.workers.conftest import sample_meeting

END_S = 30.0
QUIET_S = (10.0, 15.3)
"""A stretch that is booked as silent, so that a player may skip it."""
MINUTES = "The payment tests decide the launch date."


def written_meeting(api: Api, title: str = "Launch", headers: dict[str, str] | None = None) -> str:
    """Make the meeting, and return its id."""
    answer = api.http.post("/v1/meetings", json={"title": title}, headers=headers)
    answer.raise_for_status()
    meeting_id: str = answer.json()["id"]
    turns = json.loads((ROOT / "deploy/demo/segments.json").read_text(encoding="utf-8"))
    texts = [(turn["text"], turn["start_s"], turn["end_s"]) for turn in turns if turn["end_s"] <= END_S + 1]
    add_segments(api.database, meeting_id, texts)
    add_coverage(api.database, meeting_id, "transcribed", 0, QUIET_S[0])
    add_coverage(api.database, meeting_id, "silent", *QUIET_S)
    add_coverage(api.database, meeting_id, "transcribed", QUIET_S[1], END_S)
    add_minutes(api.database, meeting_id, MINUTES, kind=SummaryKind.FINAL)
    keep(api, meeting_id, 0, sample_meeting(0, 20))
    keep(api, meeting_id, 20, sample_meeting(20, END_S))
    move(api.database, meeting_id, MeetingState.FINISHED)
    return meeting_id
