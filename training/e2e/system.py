"""An end-to-end model as a system that can be measured beside others."""

from __future__ import annotations

import time
from collections.abc import Sequence

from training.data.audio import read_audio
from training.e2e.model import SpeechModel
from training.examples import Example
from training.metrics.cost import memory_bytes
from training.systems import PLAIN_TOKENS, Answer


class EndToEnd:
    """Audio to summary. One recording at a time, so that its time is that of one."""

    def __init__(self, name: str, model: SpeechModel) -> None:
        self.name = name
        self.model = model

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.model.net)

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        return [self._answer(example) for example in examples]

    def _answer(self, example: Example) -> Answer:
        started = time.perf_counter()
        [text] = self.model.write([read_audio(example)], PLAIN_TOKENS)
        seconds = time.perf_counter() - started
        if self.model.writes == "text":
            return Answer(transcript=text, seconds=seconds)
        return Answer(summary=text, seconds=seconds)
