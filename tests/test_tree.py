"""The drawing of the project's folders in docs/design.md shows what exists."""

from __future__ import annotations

from tests.tree import PAGE, drawing, on_page


def test_the_drawing_shows_the_folders_and_modules_that_exist() -> None:
    assert on_page(PAGE.read_text(encoding="utf-8")) == drawing(), "run: python -m tests.tree"
