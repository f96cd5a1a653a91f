"""What is said in the sample meeting, put into a studio's database without audio, for those who summarise it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import update

from schema.core.states import CoverageKind, MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting, Track
from tests.models import ROOT
from tests.workers.studio import Studio
from workers.asr.hypothesis import Word
from workers.asr.streaming.track import CommittedSpan
from workers.transcribe.ledger import TrackCommit, commit

SAID = tuple((each["end_s"], each["text"]) for each in json.loads((ROOT / "deploy/demo/segments.json").read_text()))
A_FEW = SAID[:6]


def write_down(studio: Studio, said: Sequence[tuple[float, str]]) -> None:
    """Commit what was said to track `m-main`, as the transcriber does."""
    with studio.database.read() as session:
        track = session.get_one(Track, "m-main")
        at, epoch = track.committed_sample, track.epoch
    for end_s, text in said:
        end, words = samples_of_s(end_s), text.split()
        step = (end - at) // len(words)
        spoken = [Word(f" {word}", at + i * step, at + (i + 1) * step, 0.9) for i, word in enumerate(words)]
        spans = [CommittedSpan(at, end, CoverageKind.TRANSCRIBED)]
        commit(studio.database, [TrackCommit("m", "m-main", epoch, epoch, at, end, spans, spoken, pause=True)])
        at = end


def end(studio: Studio) -> None:
    with studio.database.write() as session:
        session.execute(update(Meeting).values(state=MeetingState.SUMMARIZING))
