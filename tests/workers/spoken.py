"""What is said in the speech of the fixtures, and whether a studio has all of it."""

from __future__ import annotations

from tests.workers.studio import Studio
from workers.asr.error_rates import word_error_rate

SPOKEN = (
    "Good morning everyone. Thanks for joining. We have three points today: the launch date, the failing payment "
    "tests, and who talks to the pilot customers. Morning. Can we start with the payment tests? They decide "
    "everything else. Sure. Where do we stand?"
)
SPOKEN_LATER = (
    "Last night eleven of the forty payment tests failed. All of them fail for the same reason. The bank changed the "
    "format of its confirmation message, and our parser still expects the old one."
)
SPEECH_S = 17.0


def errors_in(text: str, spoken: str = SPOKEN) -> float:
    return word_error_rate([(spoken, text)])


def assert_all_there(studio: Studio, track_id: str = "m-main") -> None:
    """The whole of the speech is accounted for, and what was said is there once."""
    assert studio.booked(track_id)[-1].end_s == SPEECH_S
    assert studio.kinds(track_id) == {"transcribed", "silent"}
    assert errors_in(studio.text(track_id.partition("-")[0])) <= 0.05
