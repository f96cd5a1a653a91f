"""Merges the sound of several streams, which arrive one after another, into blocks that hold the channels of all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from schema.core.units import samples_of_s
from workers.ingest.messages import BLOCK_SAMPLES
from workers.ingest.sound import Pcm, SoundPiece

HOLE_LEAST_SAMPLES = samples_of_s(1)
"""A shorter hole becomes silence, so that a packet that was lost does not end a sentence."""
LAG_LIMIT_SAMPLES = samples_of_s(60)
"""How much sound of one stream may wait for another stream that has sent nothing yet."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A span in which no stream has sound."""

    samples: int


def length_of(part: Pcm | Hole) -> int:
    """The number of samples of a block of shape (channels, samples), or of a hole."""
    return part.samples if isinstance(part, Hole) else int(part.shape[1])


class StreamMerger:
    """Merges streams with `widths` channels. `sample` is the end of what was yielded.

    A stream without sound is silent while others have some. Sound that comes after its span was yielded is left out
    and counted in `late_samples`: it lay more than a minute of sound behind the other streams in the file.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self.sample = 0
        self.late_samples = 0
        self._rows = [slice(first, end) for first, end in pairwise(np.cumsum([0, *widths]).tolist())]
        self._waiting: list[deque[SoundPiece]] = [deque() for _ in widths]
        self._end_samples = [0] * len(widths)
        self._open = set(range(len(widths)))

    def put(self, stream: int, piece: SoundPiece) -> Iterator[Pcm | Hole]:
        """Take the next piece of a stream, and yield what is complete with it."""
        self._end_samples[stream] = piece.end_sample
        late = min(max(0, self.sample - piece.first_sample), piece.pcm.shape[1])
        self.late_samples += late
        if late < piece.pcm.shape[1]:
            self._waiting[stream].append(SoundPiece(piece.first_sample + late, piece.pcm[:, late:]))
        yield from self._merged(self._known_sample())

    def finish(self) -> Iterator[Pcm | Hole]:
        """Yield the rest when all streams have ended."""
        self._open.clear()
        yield from self._merged(self._known_sample())

    def _known_sample(self) -> int:
        """Up to where every stream is known, or does not have to be waited for."""
        longest = max(self._end_samples)
        slowest = min((self._end_samples[each] for each in self._open), default=longest)
        return max(slowest, longest - LAG_LIMIT_SAMPLES if self._open else longest)

    def _merged(self, known_sample: int) -> Iterator[Pcm | Hole]:
        while any(self._waiting):
            first = min(pieces[0].first_sample for pieces in self._waiting if pieces)
            if max(first, self.sample) >= known_sample:
                return
            if first > self.sample:
                yield from self._without_sound(first - self.sample)
                self.sample = first
            else:
                yield self._with_sound(known_sample)

    def _without_sound(self, samples: int) -> Iterator[Pcm | Hole]:
        yield Hole(samples) if samples >= HOLE_LEAST_SAMPLES else self._silence(samples)

    def _silence(self, samples: int) -> Pcm:
        return np.zeros((self._rows[-1].stop, samples), np.int16)

    def _with_sound(self, known_sample: int) -> Pcm:
        """The sound from `sample` to the next place where a stream begins or ends a piece."""
        sounding = [pieces and pieces[0].first_sample <= self.sample for pieces in self._waiting]
        heads = [
            pieces[0].end_sample if sounds else pieces[0].first_sample
            for pieces, sounds in zip(self._waiting, sounding, strict=True)
            if pieces
        ]
        end = min(known_sample, *heads)
        block = self._silence(end - self.sample)
        for rows, pieces, sounds in zip(self._rows, self._waiting, sounding, strict=True):
            if sounds:
                piece = pieces.popleft()
                block[rows] = piece.pcm[:, : end - self.sample]
                if end < piece.end_sample:
                    pieces.appendleft(SoundPiece(end, piece.pcm[:, end - self.sample :]))
        self.sample = end
        return block


def of_length(parts: Iterator[Pcm | Hole]) -> Iterator[Pcm | Hole]:
    """Regroup sound into blocks of BLOCK_SAMPLES. The block before a hole, and the last one, may be shorter."""
    held: list[Pcm] = []
    samples = 0
    for part in parts:
        if isinstance(part, Hole):
            if samples:
                yield np.concatenate(held, axis=1)
            held, samples = [], 0
            yield part
            continue
        held.append(part)
        samples += part.shape[1]
        while samples >= BLOCK_SAMPLES:
            joined = np.concatenate(held, axis=1)
            yield joined[:, :BLOCK_SAMPLES]
            held, samples = [joined[:, BLOCK_SAMPLES:]], samples - BLOCK_SAMPLES
    if samples:
        yield np.concatenate(held, axis=1)
