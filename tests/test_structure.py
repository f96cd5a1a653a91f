"""No type name is defined in two files, and the drawing of the folders in docs/design.md shows what exists."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.tree import PAGE, drawing, on_page

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schema", "api", "workers", "training", "deploy", "bench", "tests")
TYPE_NAME = re.compile(r"_?[A-Z][a-z0-9]\w*")


def type_names(tree: ast.Module) -> set[str]:
    """Classes anywhere in a module, and its type aliases: names in CapWords that a value is assigned to."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        names |= {each.id for each in targets if isinstance(each, ast.Name) and TYPE_NAME.fullmatch(each.id)}
    return names


def test_no_type_name_is_defined_in_two_files() -> None:
    places = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in type_names(ast.parse(path.read_text(encoding="utf-8"))):
                places[name].append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_the_drawing_shows_the_folders_and_modules_that_exist() -> None:
    assert on_page(PAGE.read_text(encoding="utf-8")) == drawing(), "run: python -m tests.tree"


def test_no_loader_runs_code_that_comes_with_a_model() -> None:
    """The loaders of transformers take the argument; those of PEFT only read adapters."""
    calls = []
    for package in ("workers", "training", "bench"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".from_pretrained", ".from_config")):
                    arguments = {each.arg: ast.unparse(each.value) for each in node.keywords}
                    refuses = arguments.get("trust_remote_code") == "False"
                    calls.append((refuses, f"{path.relative_to(ROOT)}: {ast.unparse(node.func)}"))
    assert len(calls) > 10
    assert [call for refuses, call in calls if not refuses and ": Peft" not in call] == []
