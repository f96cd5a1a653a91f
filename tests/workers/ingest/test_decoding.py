"""Any kind of recording becomes 16 kHz PCM in the mailboxes of its meeting, the same whatever happens on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schema.core.states import MeetingState, UploadState
from schema.core.units import samples_of_s
from tests.workers.ingest.desk import Desk
from tests.workers.ingest.files import SAMPLE, YEAR_S, claiming, encoded, speech, tone

KINDS: dict[str, dict[str, Any]] = {
    "8 kHz": {"codec": "pcm_s16le", "rate_hz": 8000},
    "96 kHz": {"codec": "pcm_s16le", "rate_hz": 96_000},
    "24 bit": {"codec": "pcm_s24le", "rate_hz": 48_000},
    "float": {"codec": "pcm_f32le", "rate_hz": 44_100, "layout": "stereo"},
    "8 channels": {"codec": "pcm_s16le", "rate_hz": 48_000, "layout": "7.1"},
    "8 nameless channels": {"codec": "pcm_s16le", "rate_hz": 48_000, "layout": "8 channels", "container": "matroska"},
    "FLAC": {"codec": "flac", "container": "flac"},
    "MP3": {"codec": "libmp3lame", "container": "mp3", "rate_hz": 44_100},
    "Opus in WebM": {"codec": "libopus", "container": "webm", "rate_hz": 48_000},
    "AAC in MP4": {"codec": "aac", "container": "mp4", "rate_hz": 48_000},
    "AAC in Matroska with a picture": {"codec": "aac", "container": "matroska", "rate_hz": 48_000, "video": True},
    "A-law": {"codec": "pcm_alaw", "rate_hz": 8000},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_recording_is_heard(desk: Desk, kind: str) -> None:
    made = {"rate_hz": 16_000, "layout": "mono", **KINDS[kind]}
    channels = {"mono": 1, "stereo": 2}.get(made["layout"], 8)
    same = np.repeat(tone(3, made["rate_hz"]), channels, axis=0)
    upload_id = desk.store(encoded(same, **made), name="recording.bin")
    desk.work()
    assert desk.state(upload_id) == UploadState.TRANSCRIBING
    heard = desk.sound(upload_id)[0].astype(float)
    assert abs(len(heard) / 16_000 - 3) < 0.1
    middle = heard[16_000:32_000]
    pitch_hz = np.argmax(np.abs(np.fft.rfft(middle)))
    assert abs(pitch_hz - 220) <= 1
    assert np.sqrt(np.mean(middle**2)) > 1000
    media = desk.upload(upload_id).media
    assert (media["rate_hz"], media["channels"]) == (made["rate_hz"], channels)
    assert media["video"] == made.get("video", False)


def test_a_lossless_file_arrives_sample_by_sample(desk: Desk) -> None:
    sound = speech(0, 12)
    upload_id = desk.store(encoded(sound))
    desk.work()
    expected = np.rint(sound[0] * 32768).astype(np.int16)
    assert np.array_equal(desk.sound(upload_id)[0], expected)
    upload = desk.upload(upload_id)
    assert (upload.duration_samples, upload.decoded_sample) == (len(expected), len(expected))
    assert desk.meeting_state(upload_id) == MeetingState.DRAINING
    assert all(desk.mailbox.status(track.id).closed for track in desk.tracks(upload_id))
    assert {desk.mailbox.status(track.id).kind for track in desk.tracks(upload_id)} == {"batch"}


def test_each_channel_is_a_speaker_when_asked_for(desk: Desk) -> None:
    both = np.concatenate([speech(0, 4), speech(17.2, 21.2)])
    upload_id = desk.store(encoded(both, layout="stereo"), channels="speakers")
    assert desk.tracks(upload_id) == []
    desk.work()
    tracks = desk.tracks(upload_id)
    assert [(track.name, track.speaker) for track in tracks] == [
        ("channel-01", "Channel 1"),
        ("channel-02", "Channel 2"),
    ]
    assert np.array_equal(desk.sound(upload_id), np.rint(both * 32768).astype(np.int16))


def test_whoever_comes_after_a_crash_goes_on_to_the_sample(desk: Desk) -> None:
    """Part of the file is in the mailbox when its worker is gone; its decoder resamples, so it has a memory."""
    both = np.repeat(tone(60, 44_100), 2, axis=0)
    data = encoded(both, codec="aac", container="mp4", rate_hz=44_100, layout="stereo")
    whole, cut = desk.store(data), desk.store(data)
    desk.interrupted(cut, blocks=3)
    assert desk.sound(cut).shape == (1, samples_of_s(30))
    desk.work()
    assert desk.sound(cut).shape[1] > samples_of_s(59)
    assert np.array_equal(desk.sound(cut), desk.sound(whole))


def test_tracks_that_a_crash_left_at_different_samples_are_brought_together(desk: Desk) -> None:
    both = np.concatenate([speech(0, 30), speech(17.2, 47.2)])
    upload_id = desk.store(encoded(both, layout="stereo"), channels="speakers")
    desk.interrupted(upload_id, blocks=2)
    desk.mailbox.forget(desk.tracks(upload_id)[1].id)
    desk.work()
    assert np.array_equal(desk.sound(upload_id), np.rint(both * 32768).astype(np.int16))


def test_a_full_mailbox_is_waited_for_and_the_rest_comes_after(desk: Desk) -> None:
    desk.bounds = type(desk.bounds)(samples_of_s(25), desk.bounds.limit_samples, 2 << 30, 60)
    sound = speech(0, 60)
    upload_id = desk.store(encoded(sound))
    worker = desk.ingester()
    desk.work(worker)
    (track,) = desk.tracks(upload_id)
    assert desk.state(upload_id) == UploadState.DECODING
    assert desk.mailbox.status(track.id).received_sample == samples_of_s(20)
    heard = b""
    while desk.state(upload_id) == UploadState.DECODING:  # a transcriber takes it away
        status = desk.mailbox.status(track.id)
        spans = desk.mailbox.read(track.id, status.committed_sample, samples_of_s(60))
        heard += b"".join(span.pcm or b"" for span in spans)
        (claim,) = desk.mailbox.claim("w", 1, 1000).tracks
        end = claim.received_sample
        desk.mailbox.release(track.id, claim.epoch, committed_sample=end, keep_sample=end, seen_sample=end)
        desk.work(worker)
    status = desk.mailbox.status(track.id)
    heard += b"".join(span.pcm or b"" for span in desk.mailbox.read(track.id, status.committed_sample, 10**7))
    assert np.array_equal(np.frombuffer(heard, "<i2"), np.rint(sound[0] * 32768).astype(np.int16))
    worker.close()


def test_a_queue_server_that_lost_its_data_gets_it_again_from_the_file(desk: Desk) -> None:
    desk.bounds = type(desk.bounds)(samples_of_s(25), desk.bounds.limit_samples, 2 << 30, 60)
    upload_id = desk.store(SAMPLE.read_bytes())
    worker = desk.ingester()
    desk.work(worker)
    before = desk.sound(upload_id)
    desk.redis.flushdb()
    desk.work(worker)
    worker.turn()
    assert np.array_equal(desk.sound(upload_id), before)
    worker.close()


def test_a_header_that_claims_ten_years_is_not_believed(desk: Desk) -> None:
    upload_id = desk.store(claiming(encoded(speech(0, 5), container="matroska"), 10 * YEAR_S))
    desk.work()
    upload = desk.upload(upload_id)
    assert upload.duration_samples == samples_of_s(5)
    assert upload.media["header_duration_s"] > 9 * YEAR_S
    assert upload.media["truncated"]
    assert upload.detail is not None
    assert "ends earlier" in upload.detail


def test_what_is_cut_off_is_transcribed_as_far_as_it_goes_and_says_so(desk: Desk) -> None:
    data = encoded(speech(0, 20), codec="aac", container="mp4", options={"movflags": "faststart"})
    upload_id = desk.store(data[: len(data) // 2])
    desk.work()
    upload = desk.upload(upload_id)
    assert upload.state == UploadState.TRANSCRIBING
    assert samples_of_s(5) < (upload.duration_samples or 0) < samples_of_s(15)
    assert upload.media["truncated"]
