"""Commands, options, settings, make targets, modules, files and links that the documentation names exist."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from api.cli import app
from schema.core.settings import Settings
from tests.docs.pages import PAGES, all_blocks, anchors, commands, inline_code, links
from tests.models import ROOT
from training.__main__ import build_app

OTHER_PROGRAMS = frozenset({"accelerate", "curl", "docker", "ffmpeg", "jq", "mkdir", "pg_dump", "pg_restore", "tar"})
OTHER_VARIABLES = frozenset(
    {
        "MINUTEBOOK_URL",  # of the command line
        "MINUTEBOOK_KEY",
        "MINUTEBOOK_REDIS_MAXMEMORY",  # of the Procfile
        "MINUTEBOOK_LOG_LEVEL",
        "MINUTEBOOK_SHARED",  # of the tests
    }
)
VALUES = {"N": "1", "ID": "1"}
"""Words of the documentation that stand for a number or an id."""
_VARIABLE = re.compile(r"MINUTEBOOK_[A-Z0-9_]*[A-Z0-9]")
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
_FOLDERS = ("api/", "bench/", "deploy/", "docs/", "requirements/", "schema/", "tests/", "training/", "workers/")
_COMMAND: Any = get_command(app)
_TRAINING: Any = get_command(build_app())


def parse(words: list[str]) -> None:
    """Parse the words after `minutebook`, without running the command. Raises what typer's parser raises."""
    group: Any = _TRAINING if words and words[0] in _TRAINING.commands else _COMMAND
    command, context, rest = group, None, [VALUES.get(word, word) for word in words]
    while hasattr(command, "get_command"):
        if not rest:
            return
        context = command.context_class(command, info_name=command.name, parent=context)
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"there is no command {rest[0]!r}"
        command, rest = inner, rest[1:]
    with command.make_context(command.name, rest, parent=context):
        pass


def parse_options(words: list[str]) -> None:
    """As `parse`, but arguments may be missing: running text often names a command without them."""
    try:
        parse(words)
    except Exception as error:
        if type(error).__name__ != "MissingParameter":
            raise


def shell_commands() -> list[list[str]]:
    return [words for block in all_blocks() if block.language == "sh" for words in commands(block.text)]


def text_commands() -> Iterator[list[str]]:
    """Commands in inline code. `minutebook` may be missing: `failures replay ID`."""
    known = {*_COMMAND.commands, *_TRAINING.commands}
    for page in PAGES:
        for code in inline_code(page):
            words = shlex.split(code) if code.count("'") % 2 == code.count('"') % 2 == 0 else []
            words = [word for word in words if not _VARIABLE.match(word)]
            if words and (words[0] == "minutebook" or (len(words) > 1 and words[0] in known)):
                yield words


def make_targets() -> Iterator[str]:
    codes = [code.split() for page in PAGES for code in inline_code(page)]
    for words in [*codes, *shell_commands()]:
        if words[0] == "make":
            yield from takewhile(lambda word: "=" not in word, words[1:])


@pytest.mark.parametrize(
    "words", [words for words in shell_commands() if Path(words[0]).name == "minutebook"], ids=" ".join
)
def test_the_command_line_of_a_sample_is_complete(words: list[str]) -> None:
    parse(words[1:])


@pytest.mark.parametrize("words", sorted({tuple(words) for words in text_commands()}), ids=" ".join)
def test_a_command_in_the_text_exists_with_its_options(words: tuple[str, ...]) -> None:
    parse_options(list(words[1:] if words[0] == "minutebook" else words))


def test_other_programs_in_samples_are_known_and_modules_exist() -> None:
    for program, *arguments in shell_commands():
        name = Path(program).name
        if name == "python":
            assert arguments[0] == "-m"
            assert find_spec(arguments[1]), arguments[1]
        else:
            assert name in {"minutebook", "make", *OTHER_PROGRAMS}, program


def test_the_makefile_has_the_targets_that_are_named() -> None:
    named = set(make_targets())
    assert {"demo", "up", "test", "check"} <= named
    assert named <= set(_TARGET.findall((ROOT / "Makefile").read_text()))


def test_settings_that_are_named_exist() -> None:
    named = {name for page in PAGES for name in _VARIABLE.findall(page.read_text())}
    fields = {f"MINUTEBOOK_{field.upper()}" for field in Settings.model_fields}
    assert len(named & fields) > 20
    assert named - fields - OTHER_VARIABLES == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_project_that_are_named_exist(page: Path) -> None:
    words = [word for code in inline_code(page) for word in code.split()]
    words += [
        word for block in all_blocks() if block.page == page and block.language == "sh" for word in block.text.split()
    ]
    for word in words:
        if word.startswith(_FOLDERS) and not set(word) & set("*{<"):
            assert os.path.exists(ROOT / word), word
