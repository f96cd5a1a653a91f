"""Wire types of the routes for the people of a meeting."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from schema.core.wire import Shown, Wire
from schema.corrections.wire import SpeakerName
from schema.meetings.wire import SegmentOut


class SpokenNameOut(Wire):
    """A sentence that speaks for a name: somebody `introduced` himself, was `thanked` before, or `called` after it."""

    segment_id: int
    start_s: float
    kind: Literal["introduced", "thanked", "called"]
    text: Shown


class NameSuggested(Wire):
    """A name that was spoken in the meeting and may be this person's."""

    name: Shown
    evidence: list[SpokenNameOut]


class PersonOut(Wire):
    """Somebody who speaks in the meeting. `shown` is the name, or `Speaker NUMBER`.

    `same_as` is the number of the person that this one turned out to be; then `shown` is that person's, and what was
    said counts there. `by_hand` says that somebody decided it, and the program leaves it.
    """

    number: int
    shown: Shown
    by_hand: bool
    spoke_s: float
    segments: int
    name: Shown | None = None
    same_as: int | None = None
    suggestion: NameSuggested | None = None


class PeopleOut(Wire):
    """By number. `settled` is true once all voices were compared at the end of the meeting."""

    people: list[PersonOut]
    settled: bool


class PersonChange(Wire):
    """A change of a person. Omitted fields keep their values. Null as `name` or `same_as` takes it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Priya"}, {"same_as": 1}]})
    name: SpeakerName | None = None
    same_as: int | None = Field(default=None, ge=1)


class SegmentSplit(Wire):
    """Somebody else begins to speak at word number `word` of the segment, counted from 1.

    Without `speaker` the new segment keeps the speaker of the old one.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"word": 5, "speaker": "Leo"}]})
    word: int = Field(ge=2)
    speaker: SpeakerName | None = None


class SplitSegments(Wire):
    """Both parts, in order."""

    segments: list[SegmentOut]
