"""An end-to-end model as a system that can be measured beside others."""

from __future__ import annotations

import time
from collections.abc import Sequence

from training.data.audio import read_audio
from training.data.dataset import Example
from training.e2e.model import SpeechModel
from training.evaluation.systems import PLAIN_TOKENS, SystemAnswer
from training.metrics.cost import memory_bytes


class EndToEnd:
    """Audio to summary. One recording at a time, so that its time is that of one."""

    def __init__(self, name: str, model: SpeechModel, wrong_audio: bool = False) -> None:
        """With *wrong_audio* each of the examples asked for together gets the audio of the one half of them further."""
        self.name = name
        self.model = model
        self._wrong_audio = wrong_audio

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.model.net)

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        shift = len(examples) // 2 if self._wrong_audio else 0
        return [self._answer(example) for example in (*examples[shift:], *examples[:shift])]

    def _answer(self, example: Example) -> SystemAnswer:
        """What the connector reads by itself is its transcript; the summary's time is without it."""
        audio, model = [read_audio(example)], self.model
        started = time.perf_counter()
        [text] = model.write(audio, PLAIN_TOKENS)
        seconds = time.perf_counter() - started
        if model.writes != "summary":
            return SystemAnswer(transcript=text, seconds=seconds)
        heard = model.transcripts(audio)[0] if model.knows_tokens else None
        return SystemAnswer(transcript=heard, summary=text, seconds=seconds)
