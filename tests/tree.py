"""`python -m tests.tree` draws the folders of the project into docs/design.md. `tests/test_structure.py` checks it.

The text beside a folder is the first sentence of its `__init__.py`.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "design.md"
PACKAGES = ("schema", "api", "workers", "training", "deploy", "bench")
BEGIN, END = "<!-- tree -->\n", "<!-- /tree -->"
WIDTH = 120
NAME_WIDTH = 24


def drawing() -> str:
    """Every package with its folders and modules, as Markdown."""
    lines = [line for package in PACKAGES for line in _lines(ROOT / package, 0)]
    return "```text\n" + "\n".join([*lines, "tests/                  mirrors all of it"]) + "\n```\n"


def on_page(page: str) -> str:
    """The drawing that *page* holds. Raises ValueError when the page has no place for it."""
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)]


def _lines(folder: Path, depth: int) -> Iterator[str]:
    name = f"{'  ' * depth}{folder.name}/"
    yield f"{name:<{NAME_WIDTH}}{_purpose(folder)}"
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem.isidentifier() and path.stem[0] != "_")
    indent = " " * NAME_WIDTH
    yield from textwrap.wrap(", ".join(modules), WIDTH, initial_indent=indent, subsequent_indent=indent)
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        yield from _lines(inner, depth + 1)
    if scripts := sorted(path.name for path in folder.glob("lua/*.lua")):
        yield f"{'  ' * (depth + 1)}{'lua/':<{NAME_WIDTH - 2 * depth - 2}}The scripts that run inside Redis"
        yield from textwrap.wrap(", ".join(scripts), WIDTH, initial_indent=indent, subsequent_indent=indent)


def _purpose(folder: Path) -> str:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".")


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(on_page(page), drawing()), encoding="utf-8")
