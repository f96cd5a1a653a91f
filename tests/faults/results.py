"""The results of the fault campaign: a row for each kind, as a table and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from bench.report import machine, write
from schema.core.units import s_of_samples
from tests.faults.account import Account

COUNTS = ("samples_unaccounted", "samples_unheard", "words_twice", "words_lost", "words_changed", "unfinished")
HEADS = (
    *("database", "kind", "strikes", "meetings", "audio s"),
    *(name.replace("_", " ") for name in COUNTS),
    *("recovery s, median", "max", "breaches"),
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One strike: its kind, the second of its round, and the seconds from its end until work went on."""

    kind: str
    at_s: float
    recovery_s: float


@dataclass
class Round:
    """A load, the strikes on it, and what became of it. `errors` are breaches that are not counts."""

    number: int
    database: str
    seed: int
    strikes: list[Strike] = field(default_factory=list)
    account: Account = field(default_factory=Account)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def breaches(self) -> list[str]:
        return [*self.account.breaches, *self.errors]

    def __str__(self) -> str:
        struck = ", ".join(f"{each.kind} at {each.at_s:.1f} s" for each in self.strikes) or "no strike"
        return f"{self.database}, seed {self.seed}, round {self.number} ({struck})"


def rows(rounds: Sequence[Round]) -> dict[str, dict[str, Any]]:
    """A row for each kind that struck, by `DATABASE KIND`. A round with several kinds counts for each of them."""
    names = dict.fromkeys((each.database, strike.kind) for each in rounds for strike in each.strikes)
    return {f"{database} {kind}": _row(database, kind, rounds) for database, kind in names}


def _row(database: str, kind: str, rounds: Iterable[Round]) -> dict[str, Any]:
    struck = [each for each in rounds if each.database == database and kind in {strike.kind for strike in each.strikes}]
    recovery_s = [strike.recovery_s for each in struck for strike in each.strikes if strike.kind == kind]
    return {
        "database": database,
        "kind": kind,
        "seed": struck[0].seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "strikes": len(recovery_s),
        "recovery_median_s": round(median(recovery_s), 2),
        "recovery_max_s": round(max(recovery_s), 2),
        **asdict(sum((each.account for each in struck), Account())),
        "breaches": [f"{each}: {breach}" for each in struck for breach in each.breaches],
    }


def save(path: Path, fresh: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write the rows to *path* in place of earlier ones of the same kind and database. Returns all rows there."""
    try:
        earlier = json.loads(path.read_text())["kinds"]
    except (FileNotFoundError, ValueError, KeyError):
        earlier = {}
    merged = {**earlier, **fresh}
    write(path, {"machine": machine(), "kinds": merged})
    return merged


def table(found: Iterable[dict[str, Any]]) -> Table:
    shown = Table(title="Fault campaign")
    for place, head in enumerate(HEADS):
        shown.add_column(head, justify="left" if place < 2 else "right")
    for row in found:
        cells = (
            row["strikes"],
            row["meetings"],
            round(s_of_samples(row["samples"])),
            *(row[name] for name in COUNTS),
            f"{row['recovery_median_s']:.1f}",
            f"{row['recovery_max_s']:.1f}",
            len(row["breaches"]),
        )
        shown.add_row(row["database"], row["kind"], *map(str, cells))
    return shown
