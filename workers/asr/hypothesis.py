"""Input and output of the engine. Positions are samples since the start of the window."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the model wrote it. `text` keeps its leading space, so that joined texts give the sentence."""

    text: str
    start_sample: int
    end_sample: int
    probability: float


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of one track to transcribe.

    `samples` is (n,) int16, at most 30 s. `prefix` holds committed words that are spoken inside the window; the decoder
    is forced through them and continues from there. `prompt` is context only: the meeting's vocabulary, then the text
    before the window. `translate` asks for English text, whatever `language` is spoken. `speech` lists the spans
    [first, end) of speech after the prefix; the guard checks that they have words. A window that is not `complete` may
    end in the middle of a sentence, so the speech at its end needs none yet. `begins_at_seam` and `ends_at_seam` say
    that the audio after the prefix may begin, or end, inside a word.
    """

    samples: NDArray[np.int16]
    language: str = "en"
    translate: bool = False
    prefix: tuple[Word, ...] = ()
    prompt: str = ""
    adapter: str | None = None
    speech: tuple[tuple[int, int], ...] = ()
    complete: bool = True
    begins_at_seam: bool = False
    ends_at_seam: bool = False


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The model's text for a window, after the prefix.

    `attended_samples[i]` is the end of the audio that the decoder attended to most when it wrote the last spoken token
    of word i; AlignAtt uses it. `avg_logprob` is the mean natural log of the probabilities of the new tokens.
    """

    words: tuple[Word, ...]
    attended_samples: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float = 0.0
    unread: tuple[tuple[int, int], ...] = ()
    """The spans [first, end) of audio from which no word was read: silence, other sounds and skipped speech."""
    truncated: bool = field(default=False)
    """Whether the text was cut, because its token budget ran out or because it repeated itself."""

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)
