"""What can be measured: something that reads an example's audio or text and answers with a transcript or a summary.

A recogniser and a summariser are the engines that serve, and a cascade is one after the other. A model that goes from
audio to summary at once is one more system: whatever has a name, and `answer`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schema.core.states import CoverageKind
from schema.core.units import WINDOW_LIMIT_SAMPLES
from schema.meetings.minutes import Minutes
from training.data.audio import Samples, read_audio
from training.data.dataset import Example
from training.data.transcript_lines import said_in
from training.metrics.cost import memory_bytes
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window
from workers.asr.streaming import batch
from workers.asr.streaming.guard import transcribe_guarded
from workers.asr.streaming.track import StreamState, TrackView
from workers.summarize.final import final_minutes
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import next_window
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.notes import NoteBody, write_note

ADAPTER = "measured"
PLAIN_TOKENS = 160
_EVERY_WINDOW = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """`evidence` are the lines of the example's text that the summary names, where it was given a text."""

    transcript: str | None = None
    summary: str | None = None
    evidence: tuple[int, ...] | None = None
    seconds: float = 0.0


class System(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def memory_bytes(self) -> int:
        """Of its weights."""

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        """One for each, in order; those that share a step share its time."""


class Recogniser:
    """The serving engine. Audio of at most 30 s is one window; longer audio goes the way of a file, with its guard."""

    def __init__(self, name: str, engine: Engine, adapter: Path | None = None) -> None:
        self.name = name
        self.engine = engine
        self._adapter = None if adapter is None else ADAPTER
        if adapter is not None:
            engine.load_adapter(ADAPTER, adapter)

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.engine.whisper.net)

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        started = time.perf_counter()
        texts = [" ".join(segment.text for segment in said) for said in self.segments(examples)]
        seconds = (time.perf_counter() - started) / max(len(examples), 1)
        return [Answer(transcript=text, seconds=seconds) for text in texts]

    def segments(self, examples: Sequence[Example]) -> list[list[SpokenSegment]]:
        """What is said in each: of a window one segment, of longer audio one for each stretch of speech."""
        audio = [read_audio(example) for example in examples]
        short = [at for at, samples in enumerate(audio) if len(samples) <= WINDOW_LIMIT_SAMPLES]
        windows = [Window(audio[at], examples[at].language, adapter=self._adapter) for at in short]
        read = dict(zip(short, self.engine.transcribe(windows), strict=True))
        return [
            _segments([(0, len(samples), read[at].text)]) if at in read else self._file(samples, examples[at].language)
            for at, samples in enumerate(audio)
        ]

    def _file(self, samples: Samples, language: str) -> list[SpokenSegment]:
        view = TrackView(StreamState(), samples, closed=True, language=language, adapter=self._adapter)
        plan = batch.plan(view, _EVERY_WINDOW)
        readings = [[reading] for reading in transcribe_guarded(self.engine, [p.window for p in plan.pieces])]
        rests = [
            (found, rest.window)
            for piece, found in zip(plan.pieces, readings, strict=True)
            if (rest := batch.leftover(piece, found[0])) is not None
        ]
        again = transcribe_guarded(self.engine, [window for _, window in rests]) if rests else []
        for (found, _), reading in zip(rests, again, strict=True):
            found.append(reading)
        outcome = batch.settle(plan, readings)
        spoken = [span for span in outcome.spans if span.kind is CoverageKind.TRANSCRIBED]
        return _segments(
            [
                (
                    span.first_sample,
                    span.end_sample,
                    "".join(
                        word.text for word in outcome.words if span.first_sample <= word.start_sample < span.end_sample
                    ),
                )
                for span in spoken
            ]
        )


class Summariser:
    """The serving summariser: notes by window, and where there are several the final minutes. No model: words as said.

    With *plain* the model's own answer to the whole text counts, without notes and checks, as papers measure it; that
    is for models that were trained to answer.
    """

    def __init__(self, name: str, model: TextModel | None, adapter: Path | None = None, plain: bool = False) -> None:
        self.name = name
        self.model = model
        self.plain = plain
        if model is not None and adapter is not None:
            model.load_adapter(ADAPTER, adapter)
            model.use_adapter(ADAPTER)

    @property
    def memory_bytes(self) -> int:
        return 0 if self.model is None else memory_bytes(self.model.net)

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        return [self._answer(example) for example in examples]

    def _answer(self, example: Example) -> Answer:
        started = time.perf_counter()
        summary, evidence = self.summary(said_in(example.text or ""))
        return Answer(summary=summary, evidence=evidence, seconds=time.perf_counter() - started)

    def summary(self, segments: Sequence[SpokenSegment]) -> tuple[str, tuple[int, ...] | None]:
        """The summary of what was said, and the ids of the segments that it names."""
        if self.plain and self.model is not None:
            text = "\n".join(f"{each.speaker}: {each.text}" if each.speaker else each.text for each in segments)
            return self.model.generate([text], PLAIN_TOKENS, prefix=T5_TASK, stop=())[0], None
        notes, rest = [], list(segments)
        while window := next_window(rest, final=True):
            notes.append(write_note(window, self.model))
            taken = {segment.id for segment in window}
            rest = [segment for segment in rest if segment.id not in taken]
        return _written(notes)


class Cascade:
    """Audio to transcript to summary."""

    def __init__(self, name: str, recogniser: Recogniser, summariser: Summariser) -> None:
        self.name = name
        self.recogniser = recogniser
        self.summariser = summariser

    @property
    def memory_bytes(self) -> int:
        return self.recogniser.memory_bytes + self.summariser.memory_bytes

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        started = time.perf_counter()
        heard = self.recogniser.segments(examples)
        reading_s = (time.perf_counter() - started) / max(len(examples), 1)
        return [self._summed_up(said, reading_s) for said in heard]

    def _summed_up(self, said: list[SpokenSegment], reading_s: float) -> Answer:
        started = time.perf_counter()
        summary, _ = self.summariser.summary(said)
        seconds = reading_s + time.perf_counter() - started
        return Answer(" ".join(segment.text for segment in said), summary, seconds=seconds)


def _segments(spans: Sequence[tuple[int, int, str]]) -> list[SpokenSegment]:
    return [
        SpokenSegment(at, None, first, end, text.strip()) for at, (first, end, text) in enumerate(spans) if text.strip()
    ]


def _written(notes: Sequence[NoteBody]) -> tuple[str, tuple[int, ...]]:
    """Overview, decisions and actions, then what the chapters add; of a single note all that it says."""
    if len(notes) == 1:
        said: list[tuple[str, tuple[int, ...]]] = [
            (s.text, s.evidence) for s in (*notes[0].sentences, *notes[0].decisions)
        ]
        said += [(action.text, action.evidence) for action in notes[0].actions]
    else:
        said = _of_minutes(final_minutes(notes))
    texts = dict.fromkeys(text for text, _ in said)
    return " ".join(texts), tuple(sorted({key for _, evidence in said for key in evidence}))


def _of_minutes(minutes: Minutes) -> list[tuple[str, tuple[int, ...]]]:
    said = [(sentence.text, sentence.evidence) for sentence in (*minutes.overview, *minutes.decisions)]
    said += [(action.text, action.evidence) for action in minutes.actions]
    return said + [(sentence.text, sentence.evidence) for each in minutes.chapters for sentence in each.sentences]
