"""The people of a meeting by number, and the names that they are shown with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.speakers.tables import Person


def unnamed(number: int) -> str:
    """What a person without a name is called."""
    return f"Speaker {number}"


@dataclass(frozen=True, slots=True)
class People:
    """The rows of a meeting's people, by number."""

    rows: Mapping[int, Person]

    def root(self, number: int) -> int:
        """The person that *number* turned out to be."""
        seen = {number}
        while (row := self.rows.get(number)) is not None and row.same_as is not None and row.same_as not in seen:
            number = row.same_as
            seen.add(number)
        return number

    def shown(self, number: int) -> str:
        """The name of the person that *number* turned out to be."""
        root = self.root(number)
        row = self.rows.get(root)
        return row.name if row is not None and row.name else unnamed(root)

    @property
    def roots(self) -> list[int]:
        """The people who are nobody else, by number."""
        return sorted(number for number in self.rows if self.root(number) == number)

    def called(self, names: Iterable[str]) -> list[int]:
        """The people who are shown with one of *names*."""
        wanted = set(names)
        return [number for number in self.roots if self.shown(number) in wanted]


def people_of(session: Session, meeting_id: str) -> People:
    rows = session.scalars(select(Person).where(Person.meeting_id == meeting_id).order_by(Person.number))
    return People({row.number: row for row in rows})


def add_people(session: Session, meeting_id: str, people: People, numbers: Iterable[int]) -> People:
    """Create the rows of those *numbers* that have none. Returns all people."""
    fresh = [Person(meeting_id=meeting_id, number=number) for number in sorted(set(numbers) - set(people.rows))]
    session.add_all(fresh)
    session.flush()
    return People({**people.rows, **{row.number: row for row in fresh}})
