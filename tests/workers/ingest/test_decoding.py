"""Recordings of any kind become 16 kHz PCM in the mailboxes of their meeting, the same after any disturbance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from schema.core.states import MeetingState, TrackKind, UploadState
from schema.core.units import samples_of_s
from schema.meetings.lifecycle import finish_meeting
from schema.meetings.tables import Coverage, Track
from tests.data_loss import MailboxThatLosesAllData
from tests.workers.ingest.files import SAMPLE, YEAR_S, encoded, speech, tone, with_header_duration
from tests.workers.ingest.ingest_rig import IngestRig
from workers.tasks.summary_requests import SummaryRequests
from workers.tasks.sweeper import Sweeper

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
def test_every_kind_of_recording_is_decoded(rig: IngestRig, kind: str) -> None:
    made = {"rate_hz": 16_000, "layout": "mono", **KINDS[kind]}
    channels = {"mono": 1, "stereo": 2}.get(made["layout"], 8)
    same = np.repeat(tone(3, made["rate_hz"]), channels, axis=0)
    upload_id = rig.store(encoded(same, **made), name="recording.bin")
    rig.run_until_idle()
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    decoded = rig.audio(upload_id)[0].astype(float)
    assert abs(len(decoded) / 16_000 - 3) < 0.1
    middle = decoded[16_000:32_000]
    pitch_hz = np.argmax(np.abs(np.fft.rfft(middle)))
    assert abs(pitch_hz - 220) <= 1
    assert np.sqrt(np.mean(middle**2)) > 1000
    media = rig.upload(upload_id).media
    assert (media["rate_hz"], media["channels"]) == (made["rate_hz"], channels)
    assert media["video"] == made.get("video", False)


def test_a_lossless_file_is_decoded_sample_for_sample(rig: IngestRig) -> None:
    sound = speech(0, 12)
    upload_id = rig.store(encoded(sound))
    rig.run_until_idle()
    expected = np.rint(sound[0] * 32768).astype(np.int16)
    assert np.array_equal(rig.audio(upload_id)[0], expected)
    upload = rig.upload(upload_id)
    assert (upload.duration_samples, upload.decoded_sample) == (len(expected), len(expected))
    assert rig.meeting_state(upload_id) == MeetingState.DRAINING
    assert all(rig.mailbox.status(track.id).closed for track in rig.tracks(upload_id))
    assert {rig.mailbox.status(track.id).kind for track in rig.tracks(upload_id)} == {"batch"}


def test_on_request_each_channel_becomes_a_track_with_a_speaker(rig: IngestRig) -> None:
    both = np.concatenate([speech(0, 4), speech(17.2, 21.2)])
    upload_id = rig.store(encoded(both, layout="stereo"), channels="speakers")
    assert rig.tracks(upload_id) == []
    rig.run_until_idle()
    tracks = rig.tracks(upload_id)
    assert [(track.name, track.speaker) for track in tracks] == [
        ("channel-01", "Channel 1"),
        ("channel-02", "Channel 2"),
    ]
    assert np.array_equal(rig.audio(upload_id), np.rint(both * 32768).astype(np.int16))


def test_decoding_continues_after_a_crash_exact_to_the_sample(rig: IngestRig) -> None:
    """The worker dies when part of the file is in the mailbox. The decoder resamples, so it has an internal state."""
    both = np.repeat(tone(60, 44_100), 2, axis=0)
    data = encoded(both, codec="aac", container="mp4", rate_hz=44_100, layout="stereo")
    whole, cut = rig.store(data), rig.store(data)
    rig.decode_and_die(cut, blocks=3)
    assert rig.audio(cut).shape == (1, samples_of_s(30))
    rig.run_until_idle()
    assert rig.audio(cut).shape[1] > samples_of_s(59)
    assert np.array_equal(rig.audio(cut), rig.audio(whole))


def test_tracks_left_at_different_positions_by_a_crash_are_completed(rig: IngestRig) -> None:
    both = np.concatenate([speech(0, 30), speech(17.2, 47.2)])
    upload_id = rig.store(encoded(both, layout="stereo"), channels="speakers")
    rig.decode_and_die(upload_id, blocks=2)
    rig.mailbox.forget(rig.tracks(upload_id)[1].id)
    rig.run_until_idle()
    assert np.array_equal(rig.audio(upload_id), np.rint(both * 32768).astype(np.int16))


def test_decoding_waits_for_a_full_mailbox_and_loses_nothing(rig: IngestRig) -> None:
    rig.bounds = type(rig.bounds)(samples_of_s(25), rig.bounds.limit_samples, 2 << 30, 60)
    sound = speech(0, 60)
    upload_id = rig.store(encoded(sound))
    worker = rig.ingester()
    rig.run_until_idle(worker)
    (track,) = rig.tracks(upload_id)
    assert rig.state(upload_id) == UploadState.DECODING
    assert rig.mailbox.status(track.id).received_sample == samples_of_s(20)
    heard = b""
    while rig.state(upload_id) == UploadState.DECODING:  # a transcriber commits the audio
        status = rig.mailbox.status(track.id)
        spans = rig.mailbox.read(track.id, status.committed_sample, samples_of_s(60))
        heard += b"".join(span.pcm or b"" for span in spans)
        (claim,) = rig.mailbox.claim("w", 1, 1000).tracks
        end = claim.received_sample
        rig.mailbox.release(track.id, claim.epoch, committed_sample=end, keep_sample=end, seen_sample=end)
        rig.run_until_idle(worker)
    status = rig.mailbox.status(track.id)
    heard += b"".join(span.pcm or b"" for span in rig.mailbox.read(track.id, status.committed_sample, 10**7))
    assert np.array_equal(np.frombuffer(heard, "<i2"), np.rint(sound[0] * 32768).astype(np.int16))
    worker.close()


def test_audio_lost_by_the_queue_server_is_decoded_again(rig: IngestRig) -> None:
    rig.bounds = type(rig.bounds)(samples_of_s(25), rig.bounds.limit_samples, 2 << 30, 60)
    upload_id = rig.store(SAMPLE.read_bytes())
    worker = rig.ingester()
    rig.run_until_idle(worker)
    before = rig.audio(upload_id)
    rig.redis.flushdb()
    rig.run_until_idle(worker)
    worker.turn()
    assert np.array_equal(rig.audio(upload_id), before)
    worker.close()


def sweep_meetings(rig: IngestRig) -> None:
    Sweeper(
        stores=rig.stores,
        summaries=SummaryRequests(rig.redis, rig._send),
        idle_finish_s=100,
        backlog_limit_samples=rig.bounds.backlog_limit_samples,
    ).run()


def commit(rig: IngestRig, track_id: str, committed_sample: int) -> None:
    """Commit a track up to a position, as a transcriber does in SQL."""
    with rig.database.write() as session:
        track = session.get_one(Track, track_id)
        session.add(Coverage(track_id=track_id, first_sample=0, end_sample=committed_sample, kind="transcribed"))
        track.committed_sample = committed_sample


def test_audio_of_a_decoded_file_that_the_queue_server_lost_is_decoded_again_from_the_committed_position(
    rig: IngestRig,
) -> None:
    upload_id = rig.store(encoded(speech(0, 30)))
    rig.run_until_idle()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.TRANSCRIBING, MeetingState.DRAINING)
    before = rig.audio(upload_id)
    (track,) = rig.tracks(upload_id)
    commit(rig, track.id, samples_of_s(10))
    rig.redis.flushdb()
    sweep_meetings(rig)
    rig.upload_sweeper().run()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.QUEUED, MeetingState.LIVE)
    rig.run_until_idle()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.TRANSCRIBING, MeetingState.DRAINING)
    spans = rig.mailbox.read(track.id, samples_of_s(10), 10**8)
    heard = np.frombuffer(b"".join(span.pcm or b"" for span in spans), "<i2")
    assert np.array_equal(heard, before[0, samples_of_s(10) :])
    assert rig.upload(upload_id).duration_samples == before.shape[1]


def test_a_file_is_decoded_again_if_the_queue_server_lost_only_the_end_of_its_audio(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(speech(0, 30)))
    rig.run_until_idle()
    before = rig.audio(upload_id)
    (track,) = rig.tracks(upload_id)
    rig.mailbox.forget(track.id)
    rig.mailbox.open(track.id, committed_sample=0, epoch=track.epoch, backlog_limit_samples=10**8, kind=TrackKind.BATCH)
    rig.mailbox.append(track.id, 0, before[0, : samples_of_s(5)].tobytes())
    rig.upload_sweeper().run()
    rig.run_until_idle()
    assert np.array_equal(rig.audio(upload_id), before)


@pytest.mark.parametrize("at", range(2))
def test_no_audio_of_a_file_is_missing_if_the_queue_server_loses_it_while_the_mailbox_is_closed(
    rig: IngestRig, at: int
) -> None:
    upload_id = rig.store(encoded(speech(0, 5)))
    rig.run_until_idle()
    before = rig.audio(upload_id)
    mailbox = MailboxThatLosesAllData(rig.redis, at)
    sweeper = rig.upload_sweeper(replace(rig.stores, mailbox=mailbox))
    for _ in range(2):
        sweeper.run()
    assert mailbox.calls_left < 0
    assert rig.state(upload_id) == UploadState.QUEUED
    rig.run_until_idle()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.TRANSCRIBING, MeetingState.DRAINING)
    assert np.array_equal(rig.audio(upload_id), before)


def test_a_file_is_not_decoded_again_once_all_of_it_is_transcribed(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(speech(0, 30)))
    rig.run_until_idle()
    (track,) = rig.tracks(upload_id)
    commit(rig, track.id, rig.upload(upload_id).duration_samples or 0)
    rig.redis.flushdb()
    rig.upload_sweeper().run()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.TRANSCRIBING, MeetingState.DRAINING)
    sweep_meetings(rig)
    assert rig.meeting_state(upload_id) == MeetingState.SUMMARIZING


def test_a_file_whose_meeting_was_ended_early_is_not_decoded_again(rig: IngestRig) -> None:
    rig.bounds = type(rig.bounds)(samples_of_s(25), rig.bounds.limit_samples, 2 << 30, 60)
    upload_id = rig.store(SAMPLE.read_bytes())
    worker = rig.ingester()
    rig.run_until_idle(worker)
    finish_meeting(rig.stores, rig.upload(upload_id).meeting_id, rig.bounds.backlog_limit_samples)
    rig.upload_sweeper().run()
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    rig.redis.flushdb()
    rig.upload_sweeper().run()
    assert (rig.state(upload_id), rig.meeting_state(upload_id)) == (UploadState.TRANSCRIBING, MeetingState.DRAINING)
    worker.close()


def test_a_wrong_duration_in_the_header_is_ignored_and_reported(rig: IngestRig) -> None:
    upload_id = rig.store(with_header_duration(encoded(speech(0, 5), container="matroska"), 10 * YEAR_S))
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert upload.duration_samples == samples_of_s(5)
    assert upload.media["header_duration_s"] > 9 * YEAR_S
    assert upload.media["truncated"]
    assert upload.detail is not None
    assert "ends earlier" in upload.detail


def test_a_truncated_file_is_decoded_as_far_as_it_goes_and_reported_as_truncated(rig: IngestRig) -> None:
    data = encoded(speech(0, 20), codec="aac", container="mp4", options={"movflags": "faststart"})
    upload_id = rig.store(data[: len(data) // 2])
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert upload.state == UploadState.TRANSCRIBING
    assert samples_of_s(5) < (upload.duration_samples or 0) < samples_of_s(15)
    assert upload.media["truncated"]
