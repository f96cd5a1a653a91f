"""The lock file pins every package once to an exact version, without index or build tags."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.lockfile import LOCK, ROOT

PINS = dict(line.split("==") for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))


def test_every_line_pins_one_package_to_an_exact_version_in_sorted_order() -> None:
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    assert lines == sorted(set(lines))
    assert len(PINS) == len(lines)


def test_torch_is_pinned_without_a_build_tag() -> None:
    assert PINS["torch"] == "2.13.0"


def test_every_dependency_of_the_project_is_locked_at_a_version_that_fits() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["base"], *extras["dev"]]:
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in PINS, f"{name} is not locked; run `make lock`"
        assert wanted.specifier.contains(PINS[name]), f"{line} does not admit {PINS[name]}; run `make lock`"
