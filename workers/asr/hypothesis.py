"""What goes into a decoding step and what comes out. Positions are samples from the start of the window."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the model writes it: `text` keeps its leading space, so joining texts gives the sentence."""

    text: str
    start_sample: int
    end_sample: int
    probability: float


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one track to decode.

    `samples` (n,) int16, n ≤ 30 s. `prefix` are words already committed that are spoken inside the window (positions
    from its start): the decoder is forced through them and goes on from there. `prompt` is text spoken before the
    window, with the meeting's vocabulary in front; it is context only. `speech` are the stretches behind the prefix
    that sound like speech; the guard asks what became of them.
    """

    samples: NDArray[np.int16]
    language: str = "en"
    prefix: tuple[Word, ...] = ()
    prompt: str = ""
    adapter: str | None = None
    speech: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The model's reading of a window, after the prefix.

    `attended_samples[i]` is the last position of the audio that the decoder looked at while it wrote word i
    (AlignAtt's signal). `avg_logprob` is the mean natural-log probability of the new tokens.
    """

    words: tuple[Word, ...]
    attended_samples: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float = 0.0
    truncated: bool = field(default=False)
    """The token budget ran out before the model ended the text."""

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)
