"""What a worker would write of a test set, with an adapter or without it: the text of a file, the minutes of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schema.core.units import samples_of_s
from schema.meetings.minutes import Minutes
from training.data import read_audio
from training.data.dataset import Example
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window
from workers.asr.streaming.batch import BatchPlan, Piece, Reading, leftover, plan, settle
from workers.asr.streaming.guard import transcribe_guarded
from workers.asr.streaming.track import StreamState, TrackView
from workers.summarize.final import final_minutes
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import next_window
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.notes import NoteBody, write_note

TOGETHER = 16
"""Examples whose windows go to the engine in one call."""
ALL = 1 << 30
WORDS_PER_S = 2.5
"""Where words have no times, they are taken to be spoken so fast."""
_SPEAKER = re.compile(r"([^\W\d_][\w .'-]{0,39}): +(?=\S)")


def transcripts(engine: Engine, examples: Sequence[Example], adapter: str | None) -> Iterator[str]:
    """The text of each example's audio, in order, as a worker reads a file.

    Raises InvalidData, and what the engine raises.
    """
    for first in range(0, len(examples), TOGETHER):
        plans = [_planned(example, adapter) for example in examples[first : first + TOGETHER]]
        pieces = [piece for each in plans for piece in each.pieces]
        readings = iter(_read(engine, pieces))
        for each in plans:
            outcome = settle(each, [next(readings) for _ in each.pieces])
            yield "".join(word.text for word in outcome.words).strip()


def _planned(example: Example, adapter: str | None) -> BatchPlan:
    view = TrackView(StreamState(), read_audio(example), closed=True, language=example.language, adapter=adapter)
    return plan(view, ALL)


def _read(engine: Engine, pieces: Sequence[Piece]) -> list[list[Reading]]:
    """For each of *pieces* its reading, and a second one of what that passed over."""
    read = [[reading] for reading in _guarded(engine, [piece.window for piece in pieces])]
    rests = [
        (found, rest.window)
        for piece, found in zip(pieces, read, strict=True)
        if (rest := leftover(piece, found[0])) is not None
    ]
    for (found, _), again in zip(rests, _guarded(engine, [window for _, window in rests]), strict=True):
        found.append(again)
    return read


def _guarded(engine: Engine, windows: Sequence[Window]) -> list[Reading]:
    return transcribe_guarded(engine, windows) if windows else []


def minutes(model: TextModel, example: Example) -> str:
    """The final minutes of the example's text, with the adapter that *model* has in use."""
    rest = segments_of(example.text or "")
    notes: list[NoteBody] = []
    while window := next_window(rest, final=True):
        people = {action.owner for note in notes for action in note.actions if action.owner}
        notes.append(write_note(window, model, people=people))
        taken = {segment.id for segment in window}
        rest = [segment for segment in rest if segment.id not in taken]
    return _as_text(final_minutes(notes))


def segments_of(text: str) -> list[SpokenSegment]:
    """A transcript as segments: each line is one, `Name: words` names who spoke."""
    segments: list[SpokenSegment] = []
    at_s = 0.0
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        speaker = _SPEAKER.match(line)
        said = line[speaker.end() :] if speaker else line
        end_s = at_s + len(said.split()) / WORDS_PER_S
        segments.append(
            SpokenSegment(number, speaker[1] if speaker else None, samples_of_s(at_s), samples_of_s(end_s), said)
        )
        at_s = end_s
    return segments


def _as_text(made: Minutes) -> str:
    """Overview, decisions and actions, then what the chapters add."""
    lines = [sentence.text for sentence in (*made.overview, *made.decisions)]
    lines += [action.text for action in made.actions]
    lines += [sentence.text for chapter in made.chapters for sentence in chapter.sentences]
    return "\n".join(dict.fromkeys(lines))
