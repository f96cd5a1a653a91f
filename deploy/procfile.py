"""The Procfile: one `name: command` per line. A shell fills in variables and becomes the command (`exec command`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from schema.core.errors import InvalidInput

PROCFILE = Path(__file__).with_name("Procfile")

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):\s*(\S.*)")


@dataclass(frozen=True)
class Entry:
    name: str
    command: str


def read(path: Path = PROCFILE) -> list[Entry]:
    """The entries in file order. Raises InvalidInput for a line that is neither an entry, empty nor a comment."""
    entries: dict[str, Entry] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise InvalidInput(f"{path}:{number}: {line!r} is no entry; write `name: command`")
        name, command = match.groups()
        if name in entries:
            raise InvalidInput(f"{path}:{number}: the name {name!r} is taken by an earlier line; choose another")
        entries[name] = Entry(name, command)
    return list(entries.values())
