"""A file that was cut off is called truncated, and a whole one is not."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest

from schema.core.units import samples_of_s
from tests.workers.ingest.files import FloatAudio, encoded, timed, tone
from workers.ingest.completeness import ASF_BROADCAST, ASF_PROPERTIES
from workers.ingest.media import Recording
from workers.ingest.merger import length_of

TELLING: dict[str, dict[str, Any]] = {
    "WAV": {},
    "WAV with µ-law": {"codec": "pcm_mulaw", "rate_hz": 8000},
    "W64": {"container": "w64"},
    "AIFF": {"codec": "pcm_s16be", "container": "aiff"},
    "AU": {"codec": "pcm_s16be", "container": "au"},
    "True Audio": {"codec": "tta", "container": "tta"},
    "FLAC": {"codec": "flac", "container": "flac"},
    "WavPack": {"codec": "wavpack", "container": "wv"},
    "MP3": {"codec": "libmp3lame", "container": "mp3", "rate_hz": 44_100},
    "Opus in Ogg": {"codec": "libopus", "container": "ogg", "rate_hz": 48_000},
    "Opus in WebM": {"codec": "libopus", "container": "webm", "rate_hz": 48_000},
    "Matroska": {"codec": "aac", "container": "matroska", "rate_hz": 48_000},
    "MP4": {"codec": "aac", "container": "mp4", "rate_hz": 48_000, "options": {"movflags": "faststart"}},
    "MP4 in fragments": {
        "codec": "aac",
        "container": "mp4",
        "rate_hz": 48_000,
        "options": {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"},
    },
    "AVI": {"codec": "libmp3lame", "container": "avi", "rate_hz": 44_100},
    "CAF": {"container": "caf"},
    "ASF": {"codec": "libmp3lame", "container": "asf", "rate_hz": 44_100},
    "FLV": {"codec": "aac", "container": "flv", "rate_hz": 44_100},
}
"""Formats that say in their beginning how long they are."""
VAGUE = {"Matroska", "Opus in WebM"}
"""Their length is that of everything in them, and programs round it differently."""
SILENT_ABOUT_IT: dict[str, dict[str, Any]] = {
    "MP3 without a header": {
        "codec": "libmp3lame",
        "container": "mp3",
        "rate_hz": 44_100,
        "options": {"write_xing": "0"},
    },
    "ADTS": {"codec": "aac", "container": "adts", "rate_hz": 48_000},
    "MPEG-TS": {"codec": "aac", "container": "mpegts", "rate_hz": 48_000},
    "a browser's WebM": {
        "codec": "libopus",
        "container": "webm",
        "rate_hz": 48_000,
        "options": {"live": "1"},
    },
}


def noise(seconds: float, rate_hz: int) -> FloatAudio:
    return (0.2 * np.random.default_rng(0).standard_normal((1, round(seconds * rate_hz)))).astype(np.float32)


def made(kind: dict[str, Any]) -> bytes:
    facts = {"rate_hz": 16_000, **kind}
    return encoded(noise(10, facts["rate_hz"]), **facts)


def called_truncated(data: bytes) -> bool:
    recording = Recording(io.BytesIO(data), "auto")
    for _ in recording.blocks():
        pass
    return bool(recording.facts_of_end()["truncated"])


@pytest.mark.parametrize("kind", TELLING)
def test_a_file_cut_in_half_is_truncated_and_a_whole_one_is_not(kind: str) -> None:
    data = made(TELLING[kind])
    assert not called_truncated(data)
    assert called_truncated(data[: len(data) // 2])


@pytest.mark.parametrize("kind", sorted(TELLING.keys() - VAGUE))
def test_a_file_that_lacks_half_a_second_is_truncated(kind: str) -> None:
    data = made(TELLING[kind])
    assert called_truncated(data[: len(data) * 95 // 100])


def test_an_mp4_in_fragments_is_read_wherever_it_was_cut() -> None:
    data = made(TELLING["MP4 in fragments"])
    for cut in (data.rindex(b"moof") + 2, data.rindex(b"moof") + 40, data.rindex(b"mfra") + 2):
        recording = Recording(io.BytesIO(data[:cut]), "auto")
        samples = sum(length_of(block) for block in recording.blocks())
        assert samples >= samples_of_s(8), cut


@pytest.mark.parametrize("kind", SILENT_ABOUT_IT)
def test_a_file_whose_header_claims_no_length_is_not_truncated(kind: str) -> None:
    assert not called_truncated(made(SILENT_ABOUT_IT[kind]))


def test_an_mp3_of_variable_bitrate_without_a_header_is_not_truncated() -> None:
    """FFmpeg estimates its length from the bitrate of the first packets, which are quiet here."""
    rate_hz = 44_100
    sound = np.concatenate([0.001 * noise(4, rate_hz), noise(8, rate_hz)], axis=1)
    options = {"write_xing": "0"}
    quiet, loud = (
        encoded(part, codec="libmp3lame", container="mp3", rate_hz=rate, options=options)
        for part, rate in ((sound, rate_hz), (noise(8, 48_000), 48_000))
    )
    assert not called_truncated(quiet + loud)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw"])
def test_a_wav_file_written_to_a_pipe_is_not_truncated(size: int, codec: str) -> None:
    data = bytearray(encoded(tone(3), codec=codec))
    at = bytes(data).index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    data[4:8] = struct.pack("<I", min(0xFFFFFFFF, size + at - 4))
    assert not called_truncated(bytes(data))


def test_a_caf_or_asf_file_written_to_a_pipe_is_not_truncated() -> None:
    caf = bytearray(made(TELLING["CAF"]))
    at = caf.index(b"data") + 4
    caf[at : at + 8] = struct.pack(">q", -1)
    assert not called_truncated(bytes(caf[: len(caf) // 2]))
    asf = bytearray(made(TELLING["ASF"]))
    asf[asf.index(ASF_PROPERTIES) + 88] |= ASF_BROADCAST
    assert not called_truncated(bytes(asf[: len(asf) // 2]))


def test_a_picture_that_is_longer_than_the_sound_does_not_make_a_file_truncated() -> None:
    assert not called_truncated(timed([(0, tone(3))], picture_s=30))
    assert not called_truncated(timed([(0, tone(3))], container="mp4", codec="aac", picture_s=30))


def test_sound_that_starts_late_does_not_make_a_file_truncated() -> None:
    assert not called_truncated(timed([(20, tone(3))]))


def test_an_ogg_stream_without_its_end_mark_is_truncated_only_within_a_page() -> None:
    data = made(TELLING["Opus in Ogg"])
    last_page = data.rindex(b"OggS")
    assert not called_truncated(data[:last_page])
    assert called_truncated(data[: last_page + 10])


@pytest.mark.parametrize("size", [None, 0])
def test_an_avi_file_that_was_cut_in_its_index_is_read_to_its_end(size: int | None) -> None:
    """FFmpeg would follow the part of the index that is left. A recorder that crashes leaves a size of 0."""
    data = bytearray(made(TELLING["AVI"]))
    cut = (bytes(data).rindex(b"idx1") + len(data)) // 2
    if size is not None:
        data[4:8] = struct.pack("<I", size)
    recording = Recording(io.BytesIO(data[:cut]), "auto")
    samples = sum(length_of(part) for part in recording.blocks())
    assert samples == pytest.approx(samples_of_s(10), abs=samples_of_s(0.2))
    assert recording.facts_of_end()["truncated"] == (size is None)
