"""`python -m bench.rolling`: measures an update of the rolling minutes after three hours and after three minutes.

Two meetings on one database, of 3 and of 180 minutes, alternately receive the same next ten minutes of talk. After
every 60 words (the setting `rolling_words`) their minutes are updated, by the summariser that serves. About
every fifth update also writes a note. The two meetings may write different numbers of notes in the
measured time, so both kinds of update are averaged separately and weighted by their frequency over both meetings. The
talk combines names, things and days. Few sentences are alike, so little is saved by repetition.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

from redis import Redis
from rich.console import Console
from sqlalchemy import func, select

from bench.report import machine, write
from deploy.fresh import MODELS, ROOT, fresh_stack
from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.errors import MinutebookError
from schema.core.settings import settings
from schema.core.states import AdapterTask
from schema.core.units import samples_of_s
from schema.core.wire import ENGLISH
from schema.core.words import count_words
from schema.mailbox import Mailbox
from schema.meetings.tables import Meeting, Note, Segment, Track
from schema.stores import Stores
from workers.models.adapters import AdapterStore
from workers.summarize.notes import note_of
from workers.summarize.store import MeetingSnapshot
from workers.summarize.summarizer import Summarizer
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.windows import LIMIT_WORDS
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.trained import EMBEDDED, embedded_writer
from workers.summarize.writing.writer import NoteWriter

YOUNG_MINUTES = 3
OLD_MINUTES = 180
MEASURED_MINUTES = 10
WORDS_PER_MINUTE = 150
FILLING_WORDS = 150

NAMES = (
    "Anna",
    "Ben",
    "Chloe",
    "David",
    "Eva",
    "Farid",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kim",
    "Lena",
    "Marco",
    "Nora",
    "Omar",
    "Paula",
)
THINGS = (
    "budget",
    "contract",
    "parser",
    "newsletter",
    "backup",
    "printer",
    "training",
    "survey",
    "warehouse",
    "invoice",
    "schedule",
    "website",
)
PLACES = (
    "Berlin",
    "Lyon",
    "Porto",
    "Vienna",
    "Oslo",
    "Turin",
    "Krakow",
    "Bristol",
    "Ghent",
    "Malmo",
    "Zagreb",
    "Tallinn",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
SENTENCES = (
    "{name} will send the {thing} for {place} to the supplier by {day}.",
    "We decided to move the {thing} of {place} to {day} the {number}.",
    "The {thing} in {place} costs about {number} hundred euros more than we planned last year.",
    "{name}, can you check the {thing} before the visit to {place} on {day}?",
    "In {place} they told me that the old {thing} failed {number} times since the summer.",
    "I think the {thing} is the reason why {place} lost {number} of its customers.",
)


@dataclass
class Talk:
    """An invented meeting. The same seed gives the same words."""

    rng: random.Random
    at_s: float = 0.0

    def segments(self, words: int) -> Iterator[tuple[float, float, str]]:
        """(start_s, end_s, text) of sentences with at least *words* words in total."""
        spoken = 0
        while spoken < words:
            text = self.rng.choice(SENTENCES).format(
                name=self.rng.choice(NAMES),
                thing=self.rng.choice(THINGS),
                place=self.rng.choice(PLACES),
                day=self.rng.choice(DAYS),
                number=self.rng.randrange(2, 99),
            )
            count = count_words(text)
            start_s, self.at_s = self.at_s, self.at_s + 60 * count / WORDS_PER_MINUTE
            spoken += count
            yield start_s, self.at_s - 0.3, text


class WordsOnlySummarizer(Summarizer):
    """Writes notes without a model, to fill an hour of meeting quickly."""

    def _writer(self, _snapshot: MeetingSnapshot, /) -> NoteWriter:
        return RulesWriter()


@dataclass(frozen=True, slots=True)
class UpdateTime:
    wall_s: float
    cpu_s: float


@dataclass
class BenchMeeting:
    """A meeting that is summarised, and the times of its updates with and without a note."""

    meeting_id: str
    talk: Talk
    noted: list[UpdateTime] = field(default_factory=list)
    plain: list[UpdateTime] = field(default_factory=list)

    def mean_ms(self, share_noted: float, of: Callable[[UpdateTime], float]) -> float:
        """Mean time of an update if this share of the updates writes a note."""
        noted, plain = (1000 * mean(map(of, each)) for each in (self.noted, self.plain))
        return share_noted * noted + (1 - share_noted) * plain


@dataclass(frozen=True, slots=True)
class RollingBench:
    """The database and Redis that the meetings use."""

    database: Database
    redis: Redis
    rolling_words: int

    def summarizer(self, kind: type[Summarizer]) -> Summarizer:
        return kind(
            name="bench",
            model=None,
            model_name=EMBEDDED,
            stores=Stores(self.database, self.redis, Mailbox(self.redis), settings().storage_url),
            adapters=AdapterStore(self.database, settings().adapters, AdapterTask.SUMMARY),
            shipped=None,
            rolling_words=self.rolling_words,
            crash_limit=1,
            model_dir=MODELS,
        )

    def begin(self, name: str, seed: int) -> BenchMeeting:
        with self.database.write() as session:
            session.add(Meeting(id=name, owner="bench"))
            session.flush()
            session.add(Track(id=f"{name}-main", meeting_id=name, name="main"))
        return BenchMeeting(name, Talk(random.Random(seed)))

    def notes(self, subject: BenchMeeting) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).where(Note.meeting_id == subject.meeting_id)) or 0

    def say(self, subject: BenchMeeting, words: int) -> None:
        """Commit the next *words*, like a transcribe worker."""
        with self.database.write() as session:
            for start_s, end_s, text in subject.talk.segments(words):
                segment = Segment(
                    meeting_id=subject.meeting_id,
                    track_id=f"{subject.meeting_id}-main",
                    seq=0,
                    first_sample=samples_of_s(start_s),
                    end_sample=samples_of_s(end_s),
                    text=text,
                    words=[],
                    closed=True,
                    model="bench",
                )
                session.add(segment)
            session.get_one(Track, f"{subject.meeting_id}-main").committed_sample = samples_of_s(end_s)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old-minutes", type=int, default=OLD_MINUTES)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench" / "rolling.json")
    arguments = parser.parse_args(argv)
    console = Console()
    try:
        with fresh_stack(ROOT / "var" / "bench" / "rolling", processes=("redis", "migrate")) as stack:
            found = measure(console, stack, arguments.old_minutes)
    except MinutebookError as error:
        print(f"bench: {error.detail}", file=sys.stderr)
        return 1
    write(arguments.out, {"machine": machine(), **found})
    console.print(
        f"a rolling update after {arguments.old_minutes} minutes costs {found['ratio']:.2f} times one after "
        f"{YOUNG_MINUTES} minutes; figures in {arguments.out}",
        highlight=False,
    )
    return 0


def measure(console: Console, stack: Stack, old_minutes: int) -> dict[str, Any]:
    config = settings()
    with Redis.from_url(stack.redis_url) as redis:
        room = RollingBench(Database(stack.database_url), redis, config.rolling_words)
        young, old = room.begin("young", seed=1), room.begin("old", seed=2)
        console.print(f"making meetings of {YOUNG_MINUTES} and {old_minutes} minutes", style="dim")
        _fill(room, young, YOUNG_MINUTES)
        _fill(room, old, old_minutes)
        _warm_up()
        # From here on both meetings have the same words, so that the writer has the same work in both.
        young.talk.rng, old.talk.rng = random.Random(3), random.Random(3)
        for subject in islice(_by_turns(young, old), 2 * MEASURED_MINUTES * WORDS_PER_MINUTE // config.rolling_words):
            _update(room, subject)
        room.database.close()
    return _figures(young, old)


def _warm_up() -> None:
    """Load the weights of the writer, as each worker does once."""
    talk = Talk(random.Random(4)).segments(LIMIT_WORDS)
    window = [
        SpokenSegment(number, None, samples_of_s(start_s), samples_of_s(end_s), text)
        for number, (start_s, end_s, text) in enumerate(talk)
    ]
    note_of(window, embedded_writer(ENGLISH, MODELS), language=ENGLISH)


def _fill(room: RollingBench, subject: BenchMeeting, minutes: int) -> None:
    summarizer = room.summarizer(WordsOnlySummarizer)
    for _ in range(minutes * WORDS_PER_MINUTE // FILLING_WORDS):
        room.say(subject, FILLING_WORDS)
        summarizer.run(subject.meeting_id)


def _by_turns(young: BenchMeeting, old: BenchMeeting) -> Iterator[BenchMeeting]:
    while True:
        yield from (young, old)
        yield from (old, young)


def _update(room: RollingBench, subject: BenchMeeting) -> None:
    room.say(subject, room.rolling_words)
    summarizer = room.summarizer(Summarizer)
    notes = room.notes(subject)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    summarizer.run(subject.meeting_id)
    took = UpdateTime(time.perf_counter() - wall_s, time.process_time() - cpu_s)
    (subject.noted if room.notes(subject) > notes else subject.plain).append(took)


def _figures(young: BenchMeeting, old: BenchMeeting) -> dict[str, Any]:
    """The ratio is based on processor time, because other programs do not disturb it."""
    noted, plain = len(young.noted + old.noted), len(young.plain + old.plain)
    share = noted / (noted + plain)
    cpu_ms = {subject.meeting_id: subject.mean_ms(share, lambda took: took.cpu_s) for subject in (young, old)}
    return {
        "model": EMBEDDED,
        "updates": noted + plain,
        "share_with_note": round(share, 3),
        "update_cpu_ms": {name: round(ms, 1) for name, ms in cpu_ms.items()},
        "update_wall_ms": {each.meeting_id: round(each.mean_ms(share, lambda t: t.wall_s), 1) for each in (young, old)},
        "with_note_cpu_ms": {each.meeting_id: round(each.mean_ms(1, lambda t: t.cpu_s), 1) for each in (young, old)},
        "without_note_cpu_ms": {each.meeting_id: round(each.mean_ms(0, lambda t: t.cpu_s), 1) for each in (young, old)},
        "ratio": round(cpu_ms["old"] / cpu_ms["young"], 3),
    }


if __name__ == "__main__":
    sys.exit(main())
