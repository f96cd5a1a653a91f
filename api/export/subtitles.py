"""Subtitles as SRT and WebVTT. The cues follow the times of the words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, takewhile

from rich.cells import cell_len, set_cell_size

from api.export.documents import Export
from api.export.phrases import authors_line, coverage_line, has_text
from schema.core.words import letters, word_ends
from schema.meetings.wire import SegmentOut, WordOut

LINE_CELLS = 42
"""The width of a line. A wide character, such as a Chinese one, has two cells."""
LINES = 2
PAUSE_S = 1.0
LONGEST_S = 7.0
"""A cue ends at a pause, when it is full, or after this time."""
SHORTEST_S = 1.0
READING_CELLS_PER_S = 20.0
"""A cue stays until it can be read, as far as the next one leaves time."""
JOINED_S = 1.5
"""A sentence shorter than this shares a cue with its neighbour."""
NAME_CELLS = 24
"""A longer name is shortened in SRT, so that there is room for the words."""
NOTE_S = 4.0
CHANGE = "- "
"""The usual mark in subtitles for another speaker. It stands for the name of somebody whom the transcript does not
name."""
_SRT = str.maketrans({"<": "‹", ">": "›"})
"""SRT has no escapes, and players take everything between angle brackets for a tag."""
_SRT_CODE = re.compile(r"\{(?=\\)")
"""The beginning of a code for the position or the style, such as `{\\an8}`."""


def to_srt(export: Export, *, note: bool = True) -> str:
    """SubRip: cues of at most two lines. Where the speaker changes, a cue begins with the name, or with a dash.

    With *note*, the last cues show the coverage: SRT has no comments, and there they hide no words.
    """
    cues = cues_of(export.segments, names_in_text=True)
    if note:
        cues += _note_cues(f"Audio: {coverage_line(export.meeting.coverage)}", cues[-1].end_s if cues else 0.0)
    blocks = [
        f"{number}\n{_times(cue, ',')}\n" + "".join(f"{_escape_srt(line)}\n" for line in cue.lines)
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def to_vtt(export: Export) -> str:
    """WebVTT: like SRT, with speakers as voices, and with coverage and models as notes."""
    notes = [coverage_line(export.meeting.coverage), authors_line(export.meeting.made_by)]
    blocks = ["WEBVTT\n", *(f"NOTE {note.replace('-->', '->')}\n" for note in notes if note)]
    for cue in cues_of(export.segments, names_in_text=False):
        voice = f"<v {_escape_vtt(cue.speaker)}>" if cue.speaker else ""
        text = "\n".join(map(_escape_vtt, cue.lines))
        blocks.append(f"{_times(cue, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


@dataclass(frozen=True, slots=True)
class Cue:
    """`speaker` is None if it is unknown."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None = None


def cues_of(segments: Sequence[SegmentOut], *, names_in_text: bool) -> list[Cue]:
    """Cues in order of time. With *names_in_text*, a cue begins with its speaker's name where the speaker changes, and
    beside a cue of somebody else. A dash stands there for a speaker without a name."""
    spoken = _with_names([segment for segment in segments if has_text(segment)])
    speakers = {segment.speaker for segment in spoken}
    prefixes = _prefixes(speakers) if names_in_text else dict.fromkeys(speakers, "")
    parts = [(words, turn[0].speaker) for turn in _turns(spoken) for words in _cut(turn, prefixes[turn[0].speaker])]
    cues = list[Cue]()
    for words, speaker in sorted(parts, key=lambda part: (part[0][0].start_s, part[0][-1].end_s)):
        start_s = words[0].start_s
        prefix = prefixes[speaker] if _must_be_named(speaker, start_s, cues) else ""
        end_s = min(words[-1].end_s, start_s + LONGEST_S)
        cues.append(Cue(start_s, end_s, tuple(_lines(prefix, words)), speaker))
    return _held(cues)


def _must_be_named(speaker: str | None, start_s: float, before: Sequence[Cue]) -> bool:
    """Whether the last of the cues *before* *start_s*, or one that still runs then, is somebody else's."""
    last_speaker = before[-1].speaker if before else None
    recent = takewhile(lambda cue: cue.start_s >= start_s - LONGEST_S, reversed(before))
    return last_speaker != speaker or any(cue.speaker != speaker for cue in recent if cue.end_s > start_s)


def _with_names(segments: Sequence[SegmentOut]) -> list[SegmentOut]:
    """Where several tracks speak, the name of the track stands for a speaker without a name."""
    if len({segment.track for segment in segments}) < 2:
        return list(segments)
    return [segment.model_copy(update={"speaker": segment.speaker or segment.track}) for segment in segments]


def _prefixes(speakers: Collection[str | None]) -> dict[str | None, str]:
    """What a cue of each speaker may begin with. A speaker without a name needs a mark only beside named ones."""
    return {speaker: _prefix(speaker) if any(speakers) else "" for speaker in speakers}


def _prefix(speaker: str | None) -> str:
    if not speaker:
        return CHANGE
    name = speaker if cell_len(speaker) <= NAME_CELLS else f"{set_cell_size(speaker, NAME_CELLS - 1).rstrip()}…"
    return f"{name}: "


def _turns(segments: Sequence[SegmentOut]) -> Iterator[list[SegmentOut]]:
    """The segments that one speaker says in a row on one track."""
    by_track = sorted(segments, key=lambda segment: (segment.track, segment.start_s))
    for _, turn in groupby(by_track, key=lambda segment: (segment.track, segment.speaker)):
        yield list(turn)


def _cut(turn: Sequence[SegmentOut], prefix: str) -> list[list[WordOut]]:
    """The words of each cue. A cue ends with a segment, unless one of the two neighbours is short."""
    cues: list[list[WordOut]] = []
    for segment in turn:
        words = list(_words(segment))
        joined = bool(cues) and (_is_short(cues[-1]) or _is_short(words))
        for word in words:
            if joined and _fit(prefix, [*cues[-1], word]):
                cues[-1].append(word)
            else:
                cues.append([word])
            joined = True
        cues = _without_orphan(cues, prefix)
    return cues


def _without_orphan(cues: list[list[WordOut]], prefix: str) -> list[list[WordOut]]:
    """Share the words of the last two cues evenly if the last one is short."""
    if len(cues) < 2 or not _is_short(cues[-1]) or cues[-1][0].start_s - cues[-2][-1].end_s >= PAUSE_S:
        return cues
    words = [*cues[-2], *cues[-1]]
    cuts = [at for at in range(1, len(words)) if _fit(prefix, words[:at]) and _fit(prefix, words[at:])]
    even = min(cuts, key=lambda at: abs(_cells(words[:at]) - _cells(words[at:])))
    return [*cues[:-2], words[:even], words[even:]]


def _fit(prefix: str, words: Sequence[WordOut]) -> bool:
    pauses_s = (later.start_s - earlier.end_s for earlier, later in pairwise(words))
    length_s = words[-1].end_s - words[0].start_s
    short_enough = len(words) == 1 or length_s <= LONGEST_S
    return short_enough and max(pauses_s, default=0.0) < PAUSE_S and len(_lines(prefix, words)) <= LINES


def _is_short(words: Sequence[WordOut]) -> bool:
    return bool(words) and words[-1].end_s - words[0].start_s < JOINED_S


def _cells(words: Sequence[WordOut]) -> int:
    return sum(cell_len(word.text) for word in words)


def _lines(prefix: str, words: Sequence[WordOut]) -> list[str]:
    return _wrapped(prefix + "".join(word.text for word in words).strip())


def _wrapped(text: str) -> list[str]:
    """*text* in lines of at most LINE_CELLS, cut between words, or between letters in scripts without spaces."""
    if cell_len(text) <= LINE_CELLS:
        return [text]
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and cell_len(f"{lines[-1]}{piece}".rstrip()) > LINE_CELLS:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines if line.strip()]


def _pieces(text: str) -> Iterator[str]:
    """The parts between which a line may be cut. A word that is wider than a line is cut anywhere."""
    for first, end in pairwise([0, *word_ends(text)]):
        piece = text[first:end]
        yield from [piece] if cell_len(piece.rstrip()) <= LINE_CELLS else letters(piece)


def _words(segment: SegmentOut) -> Iterator[WordOut]:
    """The segment's words. What is wider than a line is cut, and its parts share the time by their width."""
    for word in filter(_is_visible, segment.words or [_as_word(segment)]):
        parts = [word.text] if cell_len(word.text) <= LINE_CELLS else list(_pieces(word.text))
        s_per_cell = (word.end_s - word.start_s) / max(1, cell_len(word.text))
        start_s = word.start_s
        for part in parts:
            end_s = start_s + s_per_cell * cell_len(part) if len(parts) > 1 else word.end_s
            yield WordOut(text=part, start_s=start_s, end_s=end_s, probability=word.probability)
            start_s = end_s


def _is_visible(word: WordOut) -> bool:
    return bool(word.text.strip())


def _as_word(segment: SegmentOut) -> WordOut:
    return WordOut(text=segment.text, start_s=segment.start_s, end_s=segment.end_s, probability=1.0)


def _held(cues: Sequence[Cue]) -> list[Cue]:
    """Show each cue long enough to be read, where that hides no other cue. *cues* are in order of time."""
    held: list[Cue] = []
    free_s = 0.0
    for at, cue in enumerate(cues):
        next_s = next((later.start_s for later in cues[at + 1 :] if later.start_s >= cue.end_s), float("inf"))
        end_s = max(cue.end_s, min(cue.start_s + _reading_s(cue), next_s))
        start_s = min(cue.start_s, max(free_s, end_s - SHORTEST_S))
        held.append(replace(cue, start_s=start_s, end_s=end_s))
        free_s = max(free_s, end_s)
    return held


def _reading_s(cue: Cue) -> float:
    return max(SHORTEST_S, sum(map(cell_len, cue.lines)) / READING_CELLS_PER_S)


def _note_cues(note: str, start_s: float) -> Iterator[Cue]:
    lines = _wrapped(note)
    for at in range(0, len(lines), LINES):
        yield Cue(start_s, start_s + NOTE_S, tuple(lines[at : at + LINES]))
        start_s += NOTE_S


def _times(cue: Cue, comma: str) -> str:
    return f"{_timestamp(cue.start_s, comma)} --> {_timestamp(cue.end_s, comma)}"


def _timestamp(seconds: float, comma: str) -> str:
    total_ms = round(1000 * seconds)
    second, ms = divmod(total_ms, 1000)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{hour:02}:{minute:02}:{second:02}{comma}{ms:03}"


def _escape_vtt(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape_srt(line: str) -> str:
    return _SRT_CODE.sub("(", line.translate(_SRT))
