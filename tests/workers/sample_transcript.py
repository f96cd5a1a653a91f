"""The turns of the sample meeting in a database, and the text of the fixtures' speech."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import update

from schema.core.states import CoverageKind, MeetingState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting, Track
from tests.models import ROOT
from tests.workers.worker_rig import WorkerRig
from workers.asr.error_rates import word_error_rate
from workers.asr.hypothesis import Word
from workers.asr.streaming.track import CommittedSpan
from workers.transcribe.ledger import TrackCommit, commit

TURNS = tuple((each["end_s"], each["text"]) for each in json.loads((ROOT / "deploy/demo/segments.json").read_text()))
"""End in seconds and text of each turn."""
FIRST_TURNS = TURNS[:6]


def commit_turns(rig: WorkerRig, turns: Sequence[tuple[float, str]]) -> None:
    """Commit *turns* to the track `m-main`, as the transcriber does."""
    with rig.database.read() as session:
        track = session.get_one(Track, "m-main")
        at, epoch = track.committed_sample, track.epoch
    for end_s, text in turns:
        end, words = samples_of_s(end_s), text.split()
        step = (end - at) // len(words)
        timed_words = [Word(f" {word}", at + i * step, at + (i + 1) * step, 0.9) for i, word in enumerate(words)]
        spans = [CommittedSpan(at, end, CoverageKind.TRANSCRIBED)]
        commit(rig.database, [TrackCommit("m", "m-main", epoch, epoch, at, end, spans, timed_words, pause=True)])
        at = end


def end_meeting(rig: WorkerRig) -> None:
    with rig.database.write() as session:
        session.execute(update(Meeting).values(state=MeetingState.SUMMARIZING))


SPEECH_TEXT = (
    "Good morning everyone. Thanks for joining. We have three points today: the launch date, the failing payment "
    "tests, and who talks to the pilot customers. Morning. Can we start with the payment tests? They decide "
    "everything else. Sure. Where do we stand?"
)
LATER_SPEECH_TEXT = (
    "Last night eleven of the forty payment tests failed. All of them fail for the same reason. The bank changed the "
    "format of its confirmation message, and our parser still expects the old one."
)
SPEECH_S = 17.0


def error_rate_of(text: str, expected: str = SPEECH_TEXT) -> float:
    return word_error_rate([(expected, text)])


def assert_all_transcribed(rig: WorkerRig, track_id: str = "m-main") -> None:
    """All of the speech is accounted for, and its text is there once."""
    assert rig.coverage(track_id)[-1].end_s == SPEECH_S
    assert rig.coverage_kinds(track_id) == {"transcribed", "silent"}
    assert error_rate_of(rig.text(track_id.partition("-")[0])) <= 0.05
