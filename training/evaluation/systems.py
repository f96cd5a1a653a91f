"""Systems that can be measured: each takes an example's audio or text and returns a transcript or a summary.

`Recogniser` and `Summariser` run the serving code, so the measured text is what a worker writes. `Cascade` runs one
after the other. The gate of the registry measures with the same functions: `transcripts`, `minutes_of`, `minutes_text`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schema.core.language import language_of
from schema.minutes.minutes import Action, Minutes, Sentence
from training.data.audio import read_audio
from training.data.dataset import Example
from training.data.transcript_lines import transcript_segments
from training.metrics.cost import memory_bytes
from workers.asr.engine import Engine
from workers.asr.hypothesis import Word
from workers.summarize.final import minutes_of
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.trained import writer_of
from workers.transcribe.file import FileAudio, FileTranscript, transcribe_files

ADAPTER = "measured"
PLAIN_TOKENS = 160
TOGETHER = 16
"""Recordings whose windows are decoded together."""


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """`evidence` are the lines of the example's text that the summary names, if the system was given a text."""

    transcript: str | None = None
    summary: str | None = None
    evidence: tuple[int, ...] | None = None
    seconds: float = 0.0


class EvaluatedSystem(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def memory_bytes(self) -> int:
        """The size of its weights."""

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        """One answer for each example, in order. Examples that are computed together share the time it took."""


def transcripts(engine: Engine, examples: Sequence[Example], adapter: str | None = None) -> Iterator[FileTranscript]:
    """The transcript of each example's audio, in order, as a worker reads a file. *adapter* must be loaded.

    Raises InvalidData, UnknownLanguage, UnknownAdapter.
    """
    for first in range(0, len(examples), TOGETHER):
        files = [
            FileAudio(read_audio(example), example.language, adapter=adapter)
            for example in examples[first : first + TOGETHER]
        ]
        yield from transcribe_files(engine, files)


def items_of(minutes: Minutes) -> list[Sentence | Action]:
    """Overview, decisions and actions, then the sentences of the chapters. A text may stand in several places."""
    chapters = [sentence for chapter in minutes.chapters for sentence in chapter.sentences]
    return [*minutes.overview, *minutes.decisions, *minutes.actions, *chapters]


def minutes_text(minutes: Minutes) -> str:
    """The full text of the minutes, without repeated sentences."""
    return " ".join(dict.fromkeys(item.text for item in items_of(minutes)))


class Recogniser:
    """The serving engine. It reads each recording as a worker reads a file."""

    def __init__(self, name: str, engine: Engine, adapter: Path | None = None) -> None:
        self.name = name
        self.engine = engine
        self._adapter = None if adapter is None else ADAPTER
        if adapter is not None:
            engine.load_adapter(ADAPTER, adapter)

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.engine.whisper.net)

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        heard, seconds = self.timed(examples)
        return [SystemAnswer(transcript=each.text, seconds=seconds) for each in heard]

    def timed(self, examples: Sequence[Example]) -> tuple[list[FileTranscript], float]:
        """The transcripts of *examples*, and the mean seconds for one of them."""
        started = time.perf_counter()
        heard = list(transcripts(self.engine, examples, self._adapter))
        return heard, (time.perf_counter() - started) / max(len(examples), 1)


class Summariser:
    """The serving summariser. Without a model, the minutes quote sentences of the meeting.

    *cache_dir* is where models are kept.

    With *plain* the summary is the model's own answer to the whole text, without notes and checks, as papers measure
    it. This is for models that were trained to summarise directly.
    """

    def __init__(
        self, name: str, model: TextModel | None, cache_dir: Path, adapter: Path | None = None, plain: bool = False
    ) -> None:
        self.name = name
        self.model = model
        self._cache_dir = cache_dir
        self.plain = plain
        if model is not None and adapter is not None:
            model.load_adapter(ADAPTER, adapter)
            model.use_adapter(ADAPTER)

    @property
    def memory_bytes(self) -> int:
        return 0 if self.model is None else memory_bytes(self.model.net)

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        return [self._answer(example) for example in examples]

    def _answer(self, example: Example) -> SystemAnswer:
        started = time.perf_counter()
        summary, evidence = self.summary(transcript_segments(example.text or ""), example.language)
        return SystemAnswer(summary=summary, evidence=evidence, seconds=time.perf_counter() - started)

    def summary(self, segments: Sequence[SpokenSegment], language: str) -> tuple[str, tuple[int, ...] | None]:
        """The summary of *segments*, and the ids of the segments that it names as evidence."""
        if self.plain and self.model is not None:
            text = "\n".join(f"{each.speaker}: {each.text}" if each.speaker else each.text for each in segments)
            return self.model.generate([text], PLAIN_TOKENS, prefix=T5_TASK, stop=())[0], None
        language = language_of(language, (segment.text for segment in segments))
        minutes = minutes_of(segments, writer_of(self.model, language, self._cache_dir), language=language)
        return minutes_text(minutes), tuple(sorted({key for item in items_of(minutes) for key in item.evidence}))


class Cascade:
    """Audio to transcript to summary."""

    def __init__(self, name: str, recogniser: Recogniser, summariser: Summariser) -> None:
        self.name = name
        self.recogniser = recogniser
        self.summariser = summariser

    @property
    def memory_bytes(self) -> int:
        return self.recogniser.memory_bytes + self.summariser.memory_bytes

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        heard, seconds = self.recogniser.timed(examples)
        return [self._summed_up(each, example.language, seconds) for each, example in zip(heard, examples, strict=True)]

    def _summed_up(self, heard: FileTranscript, language: str, reading_s: float) -> SystemAnswer:
        started = time.perf_counter()
        summary, _ = self.summariser.summary(segments_of(heard), language)
        return SystemAnswer(heard.text, summary, seconds=reading_s + time.perf_counter() - started)


def segments_of(heard: FileTranscript) -> list[SpokenSegment]:
    """The segments that a worker would write for a recording, numbered from 0 and without speakers."""
    return [_segment(number, words) for number, words in enumerate(heard.segments)]


def _segment(number: int, words: Sequence[Word]) -> SpokenSegment:
    text = "".join(word.text for word in words).strip()
    return SpokenSegment(number, None, words[0].start_sample, words[-1].end_sample, text)
