"""All sound streams of a file that belong together are read, and what is not read is said."""

from __future__ import annotations

import numpy as np
import pytest

from schema.core.states import UploadState
from schema.core.units import samples_of_s
from tests.workers.ingest.files import FloatAudio, encoded, speech, tone, with_streams
from tests.workers.ingest.ingest_rig import IngestRig

SILENCE: FloatAudio = np.zeros((1, samples_of_s(4)), np.float32)
EAR: FloatAudio = tone(4)
DEEP: FloatAudio = tone(4, channels=3)[2:]


def pitches_hz(rig: IngestRig, upload_id: str) -> list[set[int]]:
    """The tones that each track holds."""
    found = []
    for sound in rig.audio(upload_id):
        strength = np.abs(np.fft.rfft(sound[16_000:32_000].astype(float)))
        found.append({pitch_hz for pitch_hz in (220, 440, 660) if strength[pitch_hz] > 1e6})
    return found


def read(rig: IngestRig, upload_id: str) -> list[bool]:
    return [each["read"] for each in rig.upload(upload_id).media["streams"]]


def test_all_streams_are_mixed(rig: IngestRig) -> None:
    upload_id = rig.store(with_streams([EAR, DEEP]))
    rig.run_until_idle()
    assert pitches_hz(rig, upload_id) == [{220, 660}]
    assert read(rig, upload_id) == [True, True]
    assert rig.upload(upload_id).detail is None


def test_a_silent_first_stream_leaves_the_others_as_loud_as_they_are(rig: IngestRig) -> None:
    upload_id = rig.store(with_streams([SILENCE, EAR]))
    rig.run_until_idle()
    assert np.array_equal(rig.audio(upload_id)[0], np.rint(EAR[0] * 32768).astype(np.int16))


def test_a_stream_that_ends_early_or_starts_late_is_mixed_at_its_time(rig: IngestRig) -> None:
    upload_id = rig.store(with_streams([EAR[:, :16_000], np.concatenate([SILENCE, DEEP], axis=1)]))
    rig.run_until_idle()
    sound = rig.audio(upload_id)[0].astype(float)
    assert len(sound) == samples_of_s(8)
    assert np.abs(sound[:16_000]).max() > 1000
    assert np.abs(sound[17_000:63_000]).max() < 10
    assert np.abs(sound[65_000:]).max() > 1000


def test_a_stream_in_another_language_is_left_out_and_named(rig: IngestRig) -> None:
    data = with_streams([EAR, DEEP], tags=[{"language": "eng"}, {"language": "ger"}])
    chosen, every, second = rig.store(data), rig.store(data, streams="all"), rig.store(data, streams="2")
    rig.run_until_idle()
    assert pitches_hz(rig, chosen) == [{220}]
    assert pitches_hz(rig, every) == [{220, 660}]
    assert pitches_hz(rig, second) == [{660}]
    assert "of 2 sound streams these are not read: 2" in (rig.upload(chosen).detail or "")
    assert "not read: 1" in (rig.upload(second).detail or "")
    assert rig.upload(every).detail is None


def test_each_channel_of_each_stream_can_be_a_speaker(rig: IngestRig) -> None:
    upload_id = rig.store(with_streams([tone(4, channels=2), DEEP]), channels="speakers")
    rig.run_until_idle()
    assert pitches_hz(rig, upload_id) == [{220}, {440}, {660}]


def test_channels_with_the_same_sound_become_one_speaker(rig: IngestRig) -> None:
    one = speech(0, 12)
    upload_id = rig.store(with_streams([np.concatenate([one, one]), -one, speech(17, 29)]), channels="speakers")
    rig.run_until_idle()
    assert [track.speaker for track in rig.tracks(upload_id)] == ["Channel 1", "Channel 4"]
    upload = rig.upload(upload_id)
    assert upload.media["repeated_channels"] == [2, 3]
    assert "not read: 2, 3" in (upload.detail or "")


def test_opposite_channels_are_read_from_one_and_that_is_said(rig: IngestRig) -> None:
    one = speech(0, 12)
    upload_id = rig.store(encoded(np.concatenate([one, -one]), layout="stereo"))
    rig.run_until_idle()
    heard = rig.audio(upload_id)[0].astype(float)
    assert abs(np.corrcoef(heard, one[0])[0, 1]) > 0.99
    assert np.std(heard) == pytest.approx(32768 * np.std(one), rel=0.05)
    assert "cancel each other out" in (rig.upload(upload_id).detail or "")


@pytest.mark.parametrize("streams", ["3", "1,3"])
def test_a_stream_that_the_file_lacks_fails_the_upload(rig: IngestRig, streams: str) -> None:
    upload_id = rig.store(with_streams([EAR, DEEP]), streams=streams)
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "no_stream")
    assert "2 sound streams, but stream 3" in (upload.detail or "")
