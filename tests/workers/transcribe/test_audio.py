"""The audio and the state with which a worker takes over a track."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from schema.core.states import TrackKind
from schema.core.units import samples_of_s
from schema.mailbox import Claim
from schema.meetings.tables import Segment
from tests.declaration import CHINESE, ENGLISH
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from workers.asr.streaming.track import HISTORY_WORDS
from workers.transcribe.audio import read_track
from workers.transcribe.track_rows import read_facts


@pytest.mark.parametrize("text", [ENGLISH[0], CHINESE[0]], ids=["english", "chinese"])
def test_without_a_state_the_last_words_of_sql_become_the_history(rig: WorkerRig, speech: Samples, text: str) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: samples_of_s(10)])
    rig.worker().step(0)
    with rig.database.write() as session:
        session.execute(update(Segment).values(text=text))
    received = samples_of_s(10)
    claim = Claim(track_id, 1, 0, received, closed=False, kind=TrackKind.LIVE, state=b"", attempts=1, waited_ms=0)
    with rig.database.read() as session:
        facts = read_facts(session, [track_id])[track_id]
        state = read_track(session, rig.mailbox, claim, facts).view.state
    assert state.committed_sample == facts.committed_sample > 0
    assert len(state.history) == HISTORY_WORDS
    assert text.endswith("".join(state.history))
