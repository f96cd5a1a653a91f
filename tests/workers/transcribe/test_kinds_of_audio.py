"""Unusual audio: no words are invented where nobody speaks, and none are lost where somebody does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import jiwer
import numpy as np
import pytest
import soundfile

from bench.noise import VARYING, noise_samples
from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from tests.models import ROOT
from tests.workers.conftest import sample_meeting
from tests.workers.worker_rig import CoverageRow, WorkerRig
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.error_rates import normalise, word_error_rate, word_errors
from workers.transcribe.file import FileAudio, transcribe_file

TWO_HOURS_S = 7200
PIECE_S = 25
SHARED = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))


def transcribe(rig: WorkerRig, audio: Samples, piece_s: float | None = None) -> str:
    """The text of *audio*, which arrives at once or in pieces, each of which is read before the next arrives."""
    track_id, worker = rig.open_meeting(), rig.worker()
    step = samples_of_s(piece_s) if piece_s else len(audio)
    for first in range(0, len(audio), step):
        rig.append(track_id, audio[first : first + step], first)
        worker.step(0)
    rig.finish()
    rig.run_until_idle(worker)
    assert rig.coverage()[-1].end_s == len(audio) / SAMPLE_RATE_HZ
    return rig.text()


def as_pcm(signal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Samples:
    return np.clip(signal, -32768, 32767).astype(np.int16)


def test_two_hours_of_digital_silence_are_booked_as_silent(rig: WorkerRig) -> None:
    track_id = rig.open_meeting()
    worker = rig.worker()
    quiet = np.zeros(samples_of_s(PIECE_S), np.int16).tobytes()
    for first_s in range(0, TWO_HOURS_S, PIECE_S):
        rig.mailbox.append(track_id, samples_of_s(first_s), quiet)
        worker.step(0)
    rig.finish()
    rig.run_until_idle(worker)
    assert rig.coverage() == [CoverageRow(0.0, TWO_HOURS_S, "silent")]
    assert rig.text() == ""


@pytest.mark.parametrize("rms", [30, 3000])
def test_white_noise_gives_no_words(rig: WorkerRig, rms: int) -> None:
    noise = np.random.default_rng(7).normal(0, rms, samples_of_s(30))
    assert transcribe(rig, as_pcm(noise)) == ""
    assert "transcribed" not in rig.coverage_kinds()


def test_music_gives_no_words(rig: WorkerRig) -> None:
    """Four chords with overtones, struck every half second."""
    time_s = np.arange(samples_of_s(24)) / SAMPLE_RATE_HZ
    chords = np.array([[220.0, 277.2, 329.6], [246.9, 311.1, 370.0], [196.0, 246.9, 293.7], [220.0, 261.6, 329.6]])
    notes = chords[(time_s // 2).astype(int) % 4].T
    phase = 2 * np.pi * np.cumsum(notes, axis=1) / SAMPLE_RATE_HZ
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in (1, 2, 3, 4))
    struck = np.exp(-4 * (time_s % 0.5))
    assert transcribe(rig, as_pcm(1500 * np.sum(tone, axis=0) * struck)) == ""


@pytest.fixture(scope="module")
def clip() -> tuple[Samples, str]:
    """About ten seconds of a person reading, with the text."""
    folder = SHARED / "audio/librivox_austen"
    if not folder.is_dir():
        pytest.skip(f"{folder} not found: set MINUTEBOOK_SHARED to run tests on more recordings")
    path = min(folder.glob("*.flac"))
    samples, _ = soundfile.read(path, dtype="int16")
    return samples, path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("gain", [0.01, 20.0], ids=["very quiet", "clipped"])
def test_very_quiet_and_clipped_speech_is_transcribed(rig: WorkerRig, clip: tuple[Samples, str], gain: float) -> None:
    audio, expected = clip
    text = transcribe(rig, as_pcm(gain * audio.astype(np.float64)))
    assert word_error_rate([(expected, text)]) <= 0.2


MAYA = (
    "Good morning everyone. Thanks for joining. We have three points today: the launch date, the failing payment "
    "tests, and who talks to the pilot customers."
)
SPEECH_RMS = 2500
"""About the RMS of the sample meeting where somebody speaks."""


@pytest.fixture(scope="module")
def turn() -> Samples:
    """What Maya says first in the sample meeting."""
    return sample_meeting(0, 9.6)


@pytest.mark.parametrize("name", ["mains hum", "50 Hz", "400 Hz", "two tones"])
def test_speech_under_hum_or_a_tone_is_transcribed(rig: WorkerRig, whisper: Engine, turn: Samples, name: str) -> None:
    """The tone is 3 dB above the speech."""
    audio = as_pcm(turn + 1.4 * noise_samples(name, 9.6, SPEECH_RMS).astype(np.float64))
    assert word_error_rate([(MAYA, transcribe(rig, audio))]) <= 0.1
    assert word_error_rate([(MAYA, transcribe_file(whisper, FileAudio(audio)).text)]) <= 0.1


@pytest.mark.parametrize("name", ["mains hum", "fan", "brown noise", *VARYING])
def test_steady_noise_and_tones_give_no_words(rig: WorkerRig, whisper: Engine, name: str) -> None:
    audio = noise_samples(name, 20, SPEECH_RMS)
    assert transcribe(rig, audio) == ""
    assert transcribe_file(whisper, FileAudio(audio)).text == ""


@pytest.mark.parametrize("level_db", [-25, -30])
def test_a_far_voice_between_near_ones_is_transcribed(
    rig: WorkerRig, whisper: Engine, turn: Samples, level_db: float
) -> None:
    near = sample_meeting(9.8, 14.7)
    far = turn * 10 ** (level_db / 20)
    room = np.random.default_rng(3).normal(0, 5, 2 * len(near) + len(far))
    audio = as_pcm(np.concatenate([near, far, near]) + room)
    words = "Morning. Can we start with the payment tests? They decide everything else."
    expected = f"{words} {MAYA} {words}"
    assert word_error_rate([(expected, transcribe(rig, audio))]) <= 0.1
    assert word_error_rate([(expected, transcribe_file(whisper, FileAudio(audio)).text)]) <= 0.1


NEAR_AND_FAR = (
    "Does this affect customers who already paid?",
    "No. Old payments are stored with the old format, and we can still read them. Only new payments are affected.",
    "Good. So Tom fixes the parser by Wednesday evening. Priya, will you review it?",
    "Yes, I will review it on Thursday morning, before our stand-up.",
    "Great. Second point, the launch date. We planned Thursday. I don't think that is safe any more.",
    "I agree. If the review is on Thursday morning, there is no time to test on the real devices.",
    "What about Monday? The support team is complete on Monday, and on Friday two of them are away.",
    "Monday sounds better to me. Any objections? No? Then we move the launch to Monday the ninth.",
)
FAR = (1, 3, 6)
"""The turns of NEAR_AND_FAR that come from the far side."""


@pytest.mark.parametrize("piece_s", [1, None], ids=["as it is spoken", "all at once"])
def test_a_far_voice_in_a_live_call_is_read_as_if_it_was_alone(rig: WorkerRig, piece_s: float | None) -> None:
    assert far_words(transcribe(rig, case("far-side/far30.flac"), piece_s)) >= 48


def test_a_far_voice_in_the_recording_of_a_call_is_read_as_if_it_was_alone(whisper: Engine) -> None:
    transcript = transcribe_file(whisper, FileAudio(case("far-side/far30.flac")))
    assert far_words(transcript.text) >= 48
    assert all(span.kind is not CoverageKind.FAILED for span in transcript.spans)


def test_speech_below_the_hum_of_the_mains_is_transcribed(rig: WorkerRig, whisper: Engine) -> None:
    expected = (
        "Last night eleven of the forty payment tests failed. All of them fail for the same reason. The bank changed "
        "the format of its confirmation message, and our parser still expects the old one. Right. The fix itself is "
        "small, maybe half a day. But I want to run the full test suite twice after it, so I need until Wednesday "
        "evening."
    )
    audio = case("hum/demo-hum+3.flac")
    assert word_errors(expected, transcribe(rig, audio)).counted <= 2
    assert word_errors(expected, transcribe_file(whisper, FileAudio(audio)).text).counted <= 2


def case(name: str) -> Samples:
    path = SHARED / "cases" / name
    if not path.is_file():
        pytest.skip(f"{path} not found: set MINUTEBOOK_SHARED to run tests on more recordings")
    samples, _ = soundfile.read(path, dtype="int16")
    return cast("Samples", samples)


def far_words(text: str) -> int:
    """How many of the words from the far side are in *text*, at their place."""
    turns = [normalise(turn, "en").split() for turn in NEAR_AND_FAR]
    is_far = [number in FAR for number, turn in enumerate(turns) for _ in turn]
    expected = " ".join(word for turn in turns for word in turn)
    [alignment] = jiwer.process_words(expected, normalise(text, "en")).alignments
    equal = [chunk for chunk in alignment if chunk.type == "equal"]
    return sum(sum(is_far[chunk.ref_start_idx : chunk.ref_end_idx]) for chunk in equal)
