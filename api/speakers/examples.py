"""Examples of people and split segments for the API reference. `api.http.examples` has the others."""

from __future__ import annotations

from api.http.examples import SEGMENT
from schema.speakers.wire import NameSuggested, PeopleOut, PersonOut, SplitSegments, SpokenNameOut

PEOPLE = PeopleOut(
    people=[
        PersonOut(number=1, name="Maya", shown="Maya", same_as=None, by_hand=True, spoke_s=312.4, segments=41),
        PersonOut(
            number=2,
            name=None,
            shown="Speaker 2",
            same_as=None,
            by_hand=False,
            spoke_s=98.1,
            segments=12,
            suggestion=NameSuggested(
                name="Priya",
                evidence=[SpokenNameOut(segment_id=21, start_s=63.2, kind="called", text="Priya, will you review it?")],
            ),
        ),
    ],
    settled=True,
)
SPLIT = SplitSegments(
    segments=[
        SEGMENT.model_copy(update={"text": "We move", "end_s": 1.1}),
        SEGMENT.model_copy(update={"id": 42, "text": "the launch.", "start_s": 1.1, "speaker": "Leo"}),
    ]
)
REJOINED = SplitSegments(
    segments=[
        SEGMENT,
        SEGMENT.model_copy(update={"id": 42, "text": "", "words": [], "start_s": SEGMENT.end_s, "speaker": "Leo"}),
    ]
)
