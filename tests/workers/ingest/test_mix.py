"""Channels are mixed without cancelling out, and channels with the same sound are recognised."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from schema.core.units import samples_of_s
from workers.ingest.messages import BLOCK_SAMPLES
from workers.ingest.mix import ChannelMix, EqualChannels
from workers.ingest.sound import Pcm

Voice = NDArray[np.float32]


def voice(seed: int, seconds: float = 20, loudness: float = 3000) -> Voice:
    """Noise that stands for a voice: shape (samples,)."""
    return (loudness * np.random.default_rng(seed).standard_normal(samples_of_s(seconds))).astype(np.float32)


def pcm(*channels: Voice) -> Pcm:
    return np.clip(np.stack(channels), -32768, 32767).astype(np.int16)


def mixed(sound: Pcm) -> tuple[Voice, ChannelMix]:
    mix = ChannelMix()
    blocks = [mix.take(sound[:, at : at + BLOCK_SAMPLES]) for at in range(0, sound.shape[1], BLOCK_SAMPLES)]
    return np.concatenate(blocks, axis=1)[0].astype(np.float32), mix


def level(sound: Voice, of: Voice) -> float:
    """How loud *of* is in *sound*: 1 if it is as loud as it was, 0 if it is absent."""
    return float(abs(sound @ of) / (of @ of))


A, B = voice(1), voice(2)
SILENCE = np.zeros_like(A)
BEFORE, AFTER = slice(0, samples_of_s(7)), slice(samples_of_s(8), None)


@pytest.mark.parametrize("part", [1, 0.5])
def test_a_voice_that_is_upside_down_in_one_channel_is_read_from_one(part: float) -> None:
    sound, mix = mixed(pcm(A, -part * A))
    assert level(sound, A) == pytest.approx(1, abs=0.01)
    assert mix.cancelled_samples == len(A)


def test_a_voice_that_turns_upside_down_later_is_heard_in_both_parts() -> None:
    turned = A.copy()
    turned[samples_of_s(7.5) :] *= -1
    sound, _ = mixed(pcm(A, turned))
    assert level(sound[BEFORE], A[BEFORE]) == pytest.approx(1, abs=0.05)
    assert level(sound[AFTER], A[AFTER]) == pytest.approx(1, abs=0.05)


def test_of_two_voices_the_one_upside_down_is_heard_too() -> None:
    first, second = A.copy(), B.copy()
    first[AFTER], second[BEFORE] = 0, 0
    sound, _ = mixed(pcm(first + second, first - second))
    assert level(sound, first) == pytest.approx(1, abs=0.05)
    assert level(sound, second) == pytest.approx(1, abs=0.05)


def test_different_voices_in_two_channels_are_both_heard() -> None:
    sound, mix = mixed(pcm(A, B))
    assert level(sound, A) == pytest.approx(0.5, abs=0.02)
    assert level(sound, B) == pytest.approx(0.5, abs=0.02)
    assert not mix.cancelled_samples


def test_a_quiet_voice_beside_a_silent_moment_of_the_other_is_heard() -> None:
    first, second = A.copy(), 0.02 * B
    first[AFTER] = 0
    assert level(mixed(pcm(first, second))[0], second) == pytest.approx(0.5, abs=0.05)


def test_a_dead_channel_makes_the_mix_no_quieter() -> None:
    assert np.array_equal(mixed(pcm(SILENCE, A))[0], pcm(A)[0])


def test_of_six_channels_only_those_in_use_count() -> None:
    sound, _ = mixed(pcm(SILENCE, SILENCE, A, SILENCE, SILENCE, SILENCE))
    assert level(sound, A) == pytest.approx(1, abs=0.01)
    sound, _ = mixed(pcm(A, -A, SILENCE, SILENCE, SILENCE, SILENCE))
    assert level(sound, A) == pytest.approx(1, abs=0.01)


def test_a_change_between_the_ways_of_mixing_does_not_click() -> None:
    at_s = np.arange(samples_of_s(20)) / 16_000
    hum = (8000 * np.sin(2 * np.pi * 100 * at_s)).astype(np.float32)
    turned = np.where(at_s < 9.9, hum, -hum).astype(np.float32)
    sound, _ = mixed(pcm(hum, turned))
    assert np.abs(np.diff(sound)).max() < 1.2 * np.abs(np.diff(hum)).max()


def distinct(sound: Pcm) -> list[int]:
    equal = EqualChannels(len(sound))
    for at in range(0, sound.shape[1], BLOCK_SAMPLES):
        equal.take(sound[:, at : at + BLOCK_SAMPLES])
    return equal.distinct(len(sound))


def test_channels_with_the_same_sound_count_once() -> None:
    assert distinct(pcm(A, A)) == [0]
    assert distinct(pcm(A, -A)) == [0]
    assert distinct(pcm(A, B, A + voice(3, loudness=20), B)) == [0, 1]


def test_channels_that_differ_anywhere_are_distinct() -> None:
    later = A.copy()
    later[-samples_of_s(1) :] += voice(3, seconds=1)
    assert distinct(pcm(A, later)) == [0, 1]
    assert distinct(pcm(A, SILENCE)) == [0, 1]
    quiet = 0.03 * B
    talk = A.copy()
    talk[AFTER] = 0
    assert distinct(pcm(talk + quiet, talk)) == [0, 1]
