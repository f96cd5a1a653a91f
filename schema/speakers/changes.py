"""Changes by hand to the people of a meeting: names, who is the same, and where another person begins to speak.

What somebody decided here stays: the program neither renames nor divides what was named or joined. Every function runs
in the caller's transaction, which has locked the tracks and the meeting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.states import SpeakerSource
from schema.corrections.alignment import WordRow, joined
from schema.meetings.tables import Segment
from schema.speakers.people import People, people_of, unnamed
from schema.speakers.tables import Person

BY_VOICE = (SpeakerSource.VOICE, SpeakerSource.END)


def name_people(people: People, numbers: Iterable[int], name: str | None) -> None:
    """Call these people *name*. If somebody else has that name, they are the same person. None takes the name away."""
    for number in numbers:
        row = people.rows[number]
        row.by_hand = True
        others = [other for other in people.called([name]) if other != number] if name else []
        if others:
            row.same_as = others[0]
            people.rows[others[0]].by_hand = True
        else:
            row.name = None if name == unnamed(number) else name


def find_person(people: People, number: int) -> Person:
    """Raises NotFound if the meeting has no such person."""
    row = people.rows.get(number)
    if row is None:
        known = ", ".join(str(each) for each in people.roots) or "nobody"
        raise NotFound(f"this meeting has no person {number}; it has {known}")
    return row


def join_people(people: People, number: int, same_as: int) -> None:
    """Note that person *number* is the person *same_as*. Raises NotFound, InvalidInput."""
    row, other = find_person(people, number), find_person(people, same_as)
    if people.root(number) == people.root(same_as):
        if number == same_as:
            raise InvalidInput(f"person {number} is always the same as itself; name two different people")
        return
    root = people.rows[people.root(same_as)]
    moved = people.rows[people.root(number)]
    if moved.name and not root.name:
        root.name = moved.name
    moved.same_as = root.number
    for each in (row, other, root, moved):
        each.by_hand = True


def separate_person(people: People, number: int) -> None:
    """Undo `join_people`: person *number* is nobody else. Raises NotFound."""
    row = find_person(people, number)
    people.rows[people.root(number)].by_hand = True  # Otherwise the program could join them again, the other way round.
    row.same_as, row.by_hand = None, True


def segments_by_voice(session: Session, meeting_id: str) -> Sequence[Segment]:
    """The segments whose speaker was told by the voice, in order."""
    wanted = select(Segment).where(Segment.meeting_id == meeting_id, Segment.speaker_from.in_(BY_VOICE))
    return session.scalars(wanted.order_by(Segment.first_sample, Segment.id)).all()


def show_names(session: Session, meeting_id: str) -> list[Segment]:
    """Give all segments told by the voice the present names. Returns those that changed, without a new `seq`."""
    people = people_of(session, meeting_id)
    changed = []
    for segment in segments_by_voice(session, meeting_id):
        name = segment.speaker if segment.person is None else people.shown(segment.person)
        if name != segment.speaker:
            segment.speaker = name
            changed.append(segment)
    return changed


def split_segment(session: Session, segment: Segment, word: int, speaker: str | None) -> list[Segment]:
    """Let another person begin to speak at word number *word* of a closed segment, from 1.

    The new segment gets *speaker*, or the speaker of the old one until somebody names another. Returns both, without a
    new `seq`. Raises InvalidInput, and Conflict if the text was corrected, because its words are not those that were
    heard.
    """
    words: list[WordRow] = list(segment.words)
    if segment.text != joined(words):
        raise Conflict(f"the text of segment {segment.id} was corrected; undo that, split it, and correct both parts")
    if not 1 < word <= len(words):
        raise InvalidInput(
            f"word is {word}; segment {segment.id} has {len(words)} words, so give a number from 2 to {len(words)}"
            if len(words) > 1
            else f"segment {segment.id} has one word, so it cannot be split"
        )
    part = part_of(segment, words[word - 1 :])
    part.speaker, part.speaker_from, part.person = speaker or segment.speaker, SpeakerSource.PERSON, segment.person
    part.split_from = segment.id
    keep_words(segment, words[: word - 1])
    session.add(part)
    session.flush()
    return [segment, part]


def rejoin_segment(session: Session, part: Segment) -> list[Segment]:
    """Undo `split_segment`: the words of *part* belong to the segment before it again.

    Returns both, without a new `seq`. *part* stays as a segment without words, because followers and minutes know its
    id. Raises InvalidInput if nobody split it off, and Conflict if a text was corrected since.
    """
    if part.split_from is None:
        raise InvalidInput(f"nobody split segment {part.id} off, so there is nothing to undo")
    before = session.scalars(
        select(Segment)
        .where(Segment.track_id == part.track_id, Segment.end_sample <= part.first_sample, Segment.text != "")
        .order_by(Segment.first_sample.desc(), Segment.id.desc())
        .limit(1)
    ).one()
    for each in (before, part):
        if each.text != joined(each.words):
            raise Conflict(f"the text of segment {each.id} was corrected; undo that first")
    keep_words(before, [*before.words, *part.words])
    part.words, part.text, part.split_from = [], "", None
    part.first_sample = part.end_sample
    session.flush()
    return [before, part]


def keep_words(segment: Segment, words: list[WordRow]) -> None:
    """Leave only *words* in a segment."""
    segment.words, segment.text = words, joined(words)
    segment.first_sample, segment.end_sample = words[0][1], words[-1][2]


def part_of(segment: Segment, words: list[WordRow]) -> Segment:
    """A new closed segment with some of the words of *segment*."""
    part = Segment(
        meeting_id=segment.meeting_id,
        track_id=segment.track_id,
        seq=segment.seq,
        closed=True,
        note_id=segment.note_id,
        model=segment.model,
        adapter=segment.adapter,
        version=1,
        corrected=False,
        overlapped=False,
    )
    keep_words(part, words)
    return part
