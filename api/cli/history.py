"""What something that people correct said at each time, as a table or as lines for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from schema.corrections.sentence_wire import SentenceVersion
from schema.corrections.wire import SegmentVersion

Version = TypeVar("Version", SegmentVersion, SentenceVersion)


def print_versions(versions: Sequence[Version], as_json: bool, first: str, says: Callable[[Version], Text]) -> None:
    """*first* is how the first one came about: `heard`, `written`."""
    if as_json:
        for each in versions:
            typer.echo(each.model_dump_json())
        return
    table = Table(Column("version", justify="right"), "when", "by", "how", "says", box=None)
    for each in versions:
        when = "" if each.created_at is None else f"{each.created_at:%Y-%m-%d %H:%M}"
        by = Text(each.author or each.model or "")
        table.add_row(str(each.version), when, by, each.origin or first, says(each))
    Console().print(table)
