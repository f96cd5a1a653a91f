"""The common measure: when a client first received each word, compared to when the word was spoken."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import takewhile
from pathlib import Path

from api.client.resend import SendLog
from bench.speech import Speech
from schema.core.errors import Unavailable
from schema.core.units import samples_of_s

SCRIPT = Path(__file__).with_name("word_ends.py")
READ_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word, and the time in the audio at which it ends."""

    word: str
    end_s: float


@dataclass
class CommittedText:
    """Committed text as it grows: each word with the time since which it has been at its position.

    Punctuation and case are ignored: "said" that becomes "said," was there before.
    """

    text: str = ""
    words: list[str] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    """`time.monotonic()` in seconds, by word."""

    def take(self, text: str, at_s: float) -> None:
        """Record that the whole committed text was *text* at *at_s*."""
        words = plain_words(text)
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self.words, words, strict=False)))
        self.text, self.words = text, words
        self.at_s[kept:] = [at_s] * (len(words) - kept)


def plain_words(text: str) -> list[str]:
    """Lower-case words of letters and digits only."""
    plain = ("".join(filter(str.isalnum, word)) for word in text.lower().split())
    return [word for word in plain if word]


def latencies_ms(committed: CommittedText, spoken: Sequence[SpokenWord], sent: SendLog) -> list[float]:
    """Latency of each spoken word in the committed text: from sending the chunk with the word's end until it was
    committed.

    Words are matched in order. Misrecognised words are left out; the error rate covers them.
    """
    matcher = SequenceMatcher(None, [each.word for each in spoken], committed.words, autojunk=False)
    measured = []
    for block in matcher.get_matching_blocks():
        for index in range(block.size):
            sent_s = sent.sent_s(samples_of_s(spoken[block.a + index].end_s))
            if sent_s is not None:
                measured.append(1000 * (committed.at_s[block.b + index] - sent_s))
    return measured


def spoken_words(python: Path, model: Path, speech: Speech) -> list[SpokenWord]:
    """The words of *speech* with their end times, according to faster-whisper offline, which is independent of all live
    code.

    *python* is an interpreter with faster-whisper, *model* a CTranslate2 folder. Raises Unavailable.
    """
    command = [str(python), "-I", str(SCRIPT), str(model)]
    ran = subprocess.run(command, input=speech.pcm, capture_output=True, timeout=READ_WITHIN_S, check=False)
    if ran.returncode != 0:
        message = ran.stderr.decode(errors="replace").strip()[-500:]
        raise Unavailable(f"transcribing {speech.name} offline failed with status {ran.returncode}: {message}")
    listed = [(plain_words(text), end_s) for text, end_s in json.loads(ran.stdout)]
    return [SpokenWord(word, end_s) for words, end_s in listed for word in words]
