"""The text of the fixtures' speech, and the check that it is transcribed completely."""

from __future__ import annotations

from tests.workers.worker_rig import WorkerRig
from workers.asr.error_rates import word_error_rate

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
