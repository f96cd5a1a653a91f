"""Voices that are hard to tell apart, and sounds that are no voices, on real readers and the real models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from bench.speakers.__main__ import SHARED, heard
from bench.speakers.recordings import KnownRecording
from schema.core.units import s_of_samples, samples_of_s
from tests.workers.speakers.hard_audio import crying, laughter, music, telephone, turns, whispered
from training.data.audio import Samples
from workers.speakers.engine import VoiceEngine
from workers.speakers.tracker import Tracker, settle

pytestmark = pytest.mark.model
READERS = 14


@pytest.fixture(scope="session")
def readers() -> list[Samples]:
    """Readers of at least eleven seconds each, one utterance of everybody."""
    folder = SHARED / "audio/unlabelled"
    if not folder.is_dir():
        pytest.skip(f"{folder} not found: skipping tests with many voices")
    found: list[Samples] = []
    for path in sorted(folder.glob("*.ogg")):
        samples, _ = soundfile.read(path, dtype="int16")
        if len(samples) > samples_of_s(11):
            found.append(np.asarray(samples, np.int16))
        if len(found) == READERS:
            break
    return found


@dataclass(frozen=True, slots=True)
class FoundVoices:
    """The people at the end, by unit: middle in seconds, seconds, person."""

    units: list[tuple[float, float, int]]

    @property
    def people(self) -> set[int]:
        return {person for _, _, person in self.units}

    def at(self, second: float) -> int:
        """The person who is nearest to this second."""
        return min(self.units, key=lambda unit: abs(unit[0] - second))[2]


@pytest.fixture
def find(voices: VoiceEngine) -> Callable[..., FoundVoices]:
    """Who speaks in some audio, at the end of the meeting. *most* is the number of people, if it is known."""

    def find(audio: Samples, most: int | None = None) -> FoundVoices:
        units = [
            each for each in heard(voices, KnownRecording("", "", audio, [], [], [])) if each.embedding is not None
        ]
        tracker = Tracker(most=most)
        seconds = [s_of_samples(each.span.clean_samples) for each in units]
        live = [
            tracker.add(each.embedding.astype("float32"), length)
            for each, length in zip(units, seconds, strict=True)
            if each.embedding is not None
        ]
        final = settle(tracker.vectors, seconds, [tracker.root(each) for each in live], 1, most)
        middles = [s_of_samples(each.span.first_sample + each.span.end_sample) / 2 for each in units]
        return FoundVoices(list(zip(middles, seconds, final, strict=True)))

    return find


def share_right(found: FoundVoices, order: list[int], turn_s: float, gap_s: float = 0.3) -> float:
    """The share of turns whose middle has the person who speaks most turns of that voice."""
    labels = [found.at(number * (turn_s + gap_s) + turn_s / 2) for number in range(len(order))]
    right = 0
    for voice in set(order):
        mine = [label for label, other in zip(labels, order, strict=True) if other == voice]
        right += max(mine.count(label) for label in set(mine))
    return right / len(order) if len(set(labels)) >= len(set(order)) else 0.0


def test_one_reader_is_one_person(find: Callable[..., FoundVoices], readers: list[Samples]) -> None:
    assert len(find(readers[0]).people) == 1


def test_twelve_readers_are_twelve_people(find: Callable[..., FoundVoices], readers: list[Samples]) -> None:
    audio, order = turns(readers[:12], 5, 2)
    found = find(audio)
    assert len(found.people) == 12
    assert share_right(found, order, 5) >= 0.95


def test_turns_of_a_second_have_their_speakers(find: Callable[..., FoundVoices], readers: list[Samples]) -> None:
    audio, order = turns(readers[:2], 1, 10, gap_s=0.1)
    found = find(audio)
    assert len(found.people) == 2
    assert share_right(found, order, 1, 0.1) >= 0.8


@pytest.mark.parametrize("sound", [music, crying, laughter])
def test_sounds_between_two_readers_leave_their_words_to_them(
    find: Callable[..., FoundVoices], readers: list[Samples], sound: Callable[[float], Samples]
) -> None:
    """The sound may become somebody: live, nobody can tell a wail from a word. The readers stay two people."""
    audio, order = turns([readers[0], readers[1], np.concatenate([sound(5), sound(5)])], 5, 2)
    found = find(audio)
    labels = [found.at(number * 5.3 + 2.5) for number, voice in enumerate(order) if voice < 2]
    assert labels[:2] == labels[2:]
    assert labels[0] != labels[1]
    assert len(found.people) <= 3


def test_a_whisper_ends_with_somebody_or_nobody(find: Callable[..., FoundVoices], readers: list[Samples]) -> None:
    """A whisper has no voice. Its speaker may be another one than that of the same person's voice, but not many."""
    audio, _ = turns([readers[0], whispered(readers[0])], 5, 2)
    assert 1 <= len(find(audio).people) <= 2


def test_a_voice_in_the_room_and_another_on_the_phone(find: Callable[..., FoundVoices], readers: list[Samples]) -> None:
    audio, order = turns([readers[2], telephone(readers[3])], 5, 2)
    found = find(audio)
    assert len(found.people) == 2
    assert share_right(found, order, 5) == 1.0


def test_two_voices_that_are_alike_are_at_most_two(
    find: Callable[..., FoundVoices], voices: VoiceEngine, readers: list[Samples]
) -> None:
    """The two readers whose embeddings are closest. They may count as one person."""
    centres = []
    for reader in readers:
        units = heard(voices, KnownRecording("", "", reader[: samples_of_s(10)], [], [], []))
        centres.append(sum(unit.embedding.astype("float32") for unit in units if unit.embedding is not None))
    vectors = np.stack([centre / np.linalg.norm(centre) for centre in centres])
    near = vectors @ vectors.T - 2 * np.eye(len(vectors))
    one, other = divmod(int(near.argmax()), len(near))
    audio, order = turns([readers[one], readers[other]], 5, 2)
    found = find(audio)
    assert 1 <= len(found.people) <= 2
    assert len(find(audio, most=1).people) == 1
    assert share_right(found, order, 5) in (0.0, 1.0)  # one person, or two without a mistake


def test_silence_has_nobody(find: Callable[..., FoundVoices]) -> None:
    assert find(np.zeros(samples_of_s(20), np.int16)).people == set()
