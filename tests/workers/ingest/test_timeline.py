"""Sound has the time at which a player shows it: holes and late starts are kept, impossible timestamps are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from schema.core.states import UploadState
from schema.core.units import samples_of_s
from tests.workers.ingest.files import YEAR_S, timed, tone
from tests.workers.ingest.ingest_rig import IngestRig
from workers.ingest.sound import Pcm, Sound
from workers.ingest.timeline import Timeline

FRAME = 320
CLICK_SAMPLES = 800
TimeOf = Callable[[float], float]


def heard(frames: Iterator[tuple[float | None, Pcm]]) -> tuple[list[float], Sound]:
    """The times of the clicks in the sound of frames with timestamps in seconds."""
    sound, clicks = Sound(1, Timeline(Fraction(0))), []
    pieces = [piece for each in frames for piece in sound.take(frame(*each))] + list(sound.finish())
    for piece in pieces:
        loud = np.flatnonzero(np.abs(piece.pcm[0].astype(int)) > 8000)
        clicks += [] if not loud.size else [(piece.first_sample + int(loud[0])) / 16_000]
    return [at for number, at in enumerate(clicks) if not number or at - clicks[number - 1] > 0.2], sound


def frame(at_s: float | None, samples: Pcm) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    made.sample_rate, made.time_base = 16_000, Fraction(1, 16_000)
    made.pts = None if at_s is None else round(at_s * 16_000)
    return made


def clicks(seconds: float, clock: TimeOf = float, every_s: float = 2) -> Iterator[tuple[float, Pcm]]:
    """Frames of 20 ms with a click every *every_s*. *clock* tells the timestamp of a sample that is due at a time."""
    sound = np.zeros(samples_of_s(seconds), np.int16)
    for at in range(samples_of_s(every_s / 2), len(sound), samples_of_s(every_s)):
        sound[at : at + CLICK_SAMPLES] = 20_000
    for first in range(0, len(sound), FRAME):
        yield clock(first / 16_000), sound[first : first + FRAME]


def with_jump(at_s: float, by_s: float) -> TimeOf:
    return lambda due_s: due_s + by_s if due_s >= at_s else due_s


def test_sound_that_starts_late_keeps_its_time() -> None:
    assert heard(clicks(4, lambda due_s: due_s + 4.5))[0] == [5.5, 7.5]


@pytest.mark.parametrize("hole_s", [0.5, 20, 3600])
def test_sound_after_a_hole_keeps_its_time(hole_s: float) -> None:
    assert heard(clicks(6, with_jump(4, hole_s)))[0] == [1, 3, 5 + hole_s]


@pytest.mark.parametrize("jump_s", [10 * YEAR_S, -10 * YEAR_S, -4, -3600, 5 * 3600])
def test_a_jump_that_cannot_be_true_leaves_no_hole_and_loses_nothing(jump_s: float) -> None:
    at_s, sound = heard(clicks(10, with_jump(4, jump_s)))
    assert at_s == [1, 3, 5, 7, 9]
    assert sound.end_sample == samples_of_s(10)
    assert sound.timeline.restarts == 1


def test_the_first_timestamp_may_be_impossible_too() -> None:
    assert heard(clicks(4, lambda due_s: due_s + 10 * YEAR_S))[0] == [1, 3]


@pytest.mark.parametrize("wrong_s", [500, -500, 3, 10 * YEAR_S])
def test_a_single_wrong_timestamp_has_no_effect(wrong_s: float) -> None:
    at_s, sound = heard(clicks(6, lambda due_s: due_s + wrong_s if round(due_s, 2) == 4 else due_s))
    assert at_s == [1, 3, 5]
    assert not sound.timeline.restarts


@pytest.mark.parametrize("drift", [1e-4, 0.01, -0.01, 0.05, -0.05])
def test_sound_follows_a_drifting_clock(drift: float) -> None:
    at_s, sound = heard(clicks(60, lambda due_s: due_s * (1 + drift)))
    assert len(at_s) == 30
    assert at_s == pytest.approx([(1 + drift) * due_s for due_s in range(1, 60, 2)], abs=0.1)
    assert sound.end_sample == pytest.approx(samples_of_s(60 * (1 + drift)), abs=2000)


def test_sound_whose_timestamps_overlap_is_kept_and_comes_back_to_its_time() -> None:
    at_s, _ = heard(clicks(40, with_jump(4, -1)))
    assert len(at_s) == 20
    assert at_s[-1] == pytest.approx(38, abs=0.1)


def test_rounded_timestamps_leave_sound_as_it_is() -> None:
    frames = [(round(at_s, 2) + 0.01 * (number % 3), samples) for number, (at_s, samples) in enumerate(clicks(6))]
    sound = Sound(1, Timeline(Fraction(0)))
    pieces = [piece.pcm[0] for each in frames for piece in sound.take(frame(*each))]
    pieces += [piece.pcm[0] for piece in sound.finish()]
    assert np.array_equal(np.concatenate(pieces), np.concatenate([samples for _, samples in frames]))


def test_packets_left_out_in_silence_keep_the_time() -> None:
    frames = [(at_s, samples) for at_s, samples in clicks(8) if not 1.5 < at_s < 2.9 or round(at_s * 50) % 20 == 0]
    assert heard(iter(frames))[0] == pytest.approx([1, 3, 5, 7], abs=0.1)


def test_sound_without_timestamps_is_continuous() -> None:
    assert heard((None, samples) for _, samples in clicks(4))[0] == [1, 3]


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "flac"), ("mp4", "aac"), ("mpegts", "aac"), ("ogg", "flac")]
)
def test_a_hole_of_a_file_is_missing_in_the_meeting(rig: IngestRig, container: str, codec: str) -> None:
    data = timed([(0, tone(6)), (26, tone(4))], container=container, codec=codec)
    upload_id = rig.store(data)
    rig.run_until_idle()
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    ((hole,),) = rig.holes(upload_id)
    assert hole == pytest.approx((samples_of_s(6), samples_of_s(26)), abs=samples_of_s(0.2))
    assert rig.upload(upload_id).duration_samples == pytest.approx(samples_of_s(30), abs=samples_of_s(0.2))


def test_sound_that_starts_after_the_picture_is_missing_before(rig: IngestRig) -> None:
    upload_id = rig.store(timed([(4, tone(6))], container="mp4", codec="aac", picture_s=12))
    rig.run_until_idle()
    ((hole,),) = rig.holes(upload_id)
    assert hole == pytest.approx((0, samples_of_s(4)), abs=samples_of_s(0.1))
    assert not rig.upload(upload_id).media["truncated"]


@pytest.mark.parametrize(("container", "codec"), [("matroska", "flac"), ("mp4", "aac"), ("webm", "libopus")])
def test_sound_alone_may_start_late_too(rig: IngestRig, container: str, codec: str) -> None:
    """In MP4 that is an edit list. A film whose picture was left out keeps its time in Matroska."""
    rate_hz = 48_000 if codec == "libopus" else 16_000
    upload_id = rig.store(timed([(4, tone(6, rate_hz))], container=container, codec=codec, rate_hz=rate_hz))
    rig.run_until_idle()
    ((hole,),) = rig.holes(upload_id)
    assert hole == pytest.approx((0, samples_of_s(4)), abs=samples_of_s(0.1))


@pytest.mark.parametrize(
    ("container", "codec", "played_s"), [("mp4", "aac", 4), ("mov", "pcm_s16le", 4), ("matroska", "flac", 6)]
)
def test_sound_before_zero_is_left_out_where_players_leave_it_out(
    rig: IngestRig, container: str, codec: str, played_s: float
) -> None:
    """A cut leaves it behind. MP4 hides it by an edit list."""
    upload_id = rig.store(timed([(-2, tone(6))], container=container, codec=codec))
    rig.run_until_idle()
    assert rig.holes(upload_id) == [[]]
    assert rig.upload(upload_id).duration_samples == pytest.approx(samples_of_s(played_s), abs=samples_of_s(0.3))
    assert not rig.upload(upload_id).media["truncated"]


def test_a_piece_from_the_middle_of_a_long_recording_begins_at_zero(rig: IngestRig) -> None:
    upload_id = rig.store(timed([(3600, tone(6))]))
    rig.run_until_idle()
    assert rig.holes(upload_id) == [[]]


def test_a_hole_shorter_than_a_second_is_silence(rig: IngestRig) -> None:
    upload_id = rig.store(timed([(0, tone(6)), (6.5, tone(4))]))
    rig.run_until_idle()
    assert rig.holes(upload_id) == [[]]
    quiet = np.flatnonzero(rig.audio(upload_id)[0] == 0)
    assert samples_of_s(0.4) < len(quiet) < samples_of_s(0.6)


def test_decoding_continues_inside_a_hole(rig: IngestRig) -> None:
    data = timed([(0, tone(15)), (40, tone(15))])
    whole, cut = rig.store(data), rig.store(data)
    rig.decode_and_die(cut, blocks=2)
    (track,) = rig.tracks(cut)
    rig.mailbox.skip(track.id, samples_of_s(25))
    rig.run_until_idle()
    assert np.array_equal(rig.audio(cut), rig.audio(whole))


@pytest.mark.parametrize(
    ("container", "codec"), [("mpegts", "aac"), ("matroska", "flac"), ("ogg", "flac"), ("adts", "aac")]
)
def test_parts_that_were_joined_byte_by_byte_follow_one_another(rig: IngestRig, container: str, codec: str) -> None:
    upload_id = rig.store(2 * timed([(0, tone(6))], container=container, codec=codec))
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert upload.duration_samples == pytest.approx(samples_of_s(12), abs=samples_of_s(0.2))
    assert rig.holes(upload_id) == [[]]
    assert upload.detail is None or "start again 1 times" in upload.detail
