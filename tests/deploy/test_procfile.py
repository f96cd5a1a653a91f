from __future__ import annotations

from pathlib import Path

import pytest

from deploy.service import ProcfileEntry, read_procfile
from schema.core.errors import InvalidInput


def test_entries_keep_their_order_and_comments_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# first\nweb: serve --port $PORT  \n\nwork-2: run: it\n")
    assert read_procfile(path) == [ProcfileEntry("web", "serve --port $PORT"), ProcfileEntry("work-2", "run: it")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web serve\n", r"Procfile:1: 'web serve' is not an entry; write `name: command`"),
        ("web:\n", r"Procfile:1: 'web:' is not an entry"),
        ("web: a\nweb: b\n", r"Procfile:2: the name 'web' is used"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "Procfile"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_procfile(path)
