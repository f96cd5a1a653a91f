"""The pages of the documentation: their code blocks, inline code, links and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.models import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)\s*")
_HEADING = re.compile(r"#+ (?P<text>.+)")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")
BETWEEN_COMMANDS = frozenset({"|", "||", "&&", ";", "&"})


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    heading: str
    number: int
    """Its place among the blocks under the same heading, from 1."""
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """For example `docs/use.md: Search 1`."""
        return f"{self.page.relative_to(ROOT)}: {self.heading} {self.number}"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of *page*, without the indentation of their fences."""
    heading, number = "", 0
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    for line, text in lines:
        if found := _HEADING.fullmatch(text):
            heading, number = found["text"], 0
        elif fence := _FENCE.fullmatch(text):
            inside = []
            for _, each in lines:
                if each.strip() == "```":
                    break
                inside.append(each.removeprefix(fence["indent"]))
            number += 1
            yield Block(page, heading, number, line, fence["language"], "\n".join(inside) + "\n")


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def prose(page: Path) -> str:
    """The page without its blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def inline_code(page: Path) -> list[str]:
    return [" ".join(code.split()) for code in _CODE.findall(prose(page))]


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The names by which GitHub links to the headings of *page*."""
    headings = [found["text"] for line in prose(page).splitlines() if (found := _HEADING.fullmatch(line))]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(shell: str) -> Iterator[list[str]]:
    """The words of each command in *shell*, without variables in front, comments and redirections."""
    for line in shell.replace("\\\n", " ").replace("|\n", "| ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if word in BETWEEN_COMMANDS:
                if command:
                    yield command
                command = []
            elif command or not _ASSIGNMENT.fullmatch(word):
                command.append(word)
