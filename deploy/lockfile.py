"""`python -m deploy.lockfile`: choose the newest versions that fit pyproject.toml and write the lock files.

`requirements/cpu.lock` has every package but torch, with the SHA-256 of each file that pip may install.
`requirements/torch.lock` has torch without hashes, because each build of a version, for CPU or CUDA, is another file.
Needs only pip. With `--keep` the installed versions stay, and only new packages get a version.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

import httpx
from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from schema.core.errors import MinutebookError, Unavailable

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "cpu.lock"
TORCH_LOCK = LOCK.with_name("torch.lock")
SPEAKERS_LOCK = LOCK.with_name("speakers.lock")
TORCH = "torch"
BUILD = "setuptools>=77"
HEADER = """\
# Exact versions of all packages that `make setup` installs, except torch, with the hashes of their files for
# Linux and macOS. pip refuses a file with another hash. `make lock` rewrites this file.
"""
TORCH_HEADER = """\
# torch has neither hash nor build suffix: the package index decides whether the build is for CPU or CUDA.
"""
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
PLATFORMS = re.compile(r"any|(many)?linux.*_(x86_64|aarch64)|macosx_.*_(arm64|universal2)")
FETCHES = 8
FETCH_S = 60.0


def main(argv: list[str]) -> int:
    pins = _installed() if "--keep" in argv else {TORCH: "2.13.0"}
    constraints = LOCK.with_suffix(".draft")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    try:
        chosen = _resolve(constraints)
        torch = chosen.pop(TORCH)
        locked = _with_hashes(chosen)
    except MinutebookError as error:
        print(f"lock: {error.detail}", file=sys.stderr)
        return 1
    finally:
        constraints.unlink()
    LOCK.write_text(HEADER + "".join(locked))
    TORCH_LOCK.write_text(f"{TORCH_HEADER}{TORCH}=={torch}\n")
    print(f"{LOCK.relative_to(ROOT)}: {len(locked)} packages; {TORCH_LOCK.relative_to(ROOT)}: torch {torch}")
    return 0


def _installed() -> dict[str, str]:
    pins = {_normal(each.name): _public(each.version) for each in distributions()}
    return {name: version for name, version in pins.items() if name not in {"minutebook", "pip"}}


def _resolve(constraints: Path) -> dict[str, str]:
    """What pip would install into an empty environment, without installing it."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    command += ["--constraint", str(constraints), BUILD, f"{ROOT}[base,dev]"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {_normal(each["metadata"]["name"]): _public(each["metadata"]["version"]) for each in report["install"]}
    for own in ("minutebook", "pip"):
        packages.pop(own, None)
    return packages


def _with_hashes(versions: Mapping[str, str]) -> list[str]:
    """A requirement with its hashes for each package, sorted by name. Raises Unavailable if the index has no file."""

    def entry(name: str) -> str:
        hashes = sorted(hashes_of(client.get(f"{index}/{name}/", headers={"Accept": JSON_PAGE}), versions[name]))
        if not hashes:
            raise Unavailable(f"the package index has no file of {name} {versions[name]}; choose another version")
        return f"{name}=={versions[name]}" + "".join(f" \\\n    --hash=sha256:{each}" for each in hashes) + "\n"

    index = _index_url()
    with httpx.Client(timeout=FETCH_S, follow_redirects=True) as client, ThreadPoolExecutor(FETCHES) as fetch:
        return list(fetch.map(entry, sorted(versions)))


def _index_url() -> str:
    """The address of the package index that pip uses."""
    from pip._internal.models.index import PyPI

    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    return (asked.stdout.strip() or PyPI.simple_url).rstrip("/")


def hashes_of(page: httpx.Response, version: str) -> set[str]:
    """The hashes of *version*'s files that can be installed: wheels, or without them the source archive."""
    files = [(each, _kind(each["filename"], version)) for each in page.raise_for_status().json()["files"]]
    for wanted in ("wheel", "source"):
        if hashes := {each["hashes"]["sha256"] for each, kind in files if kind == wanted}:
            return hashes
    return set()


def _kind(filename: str, version: str) -> str | None:
    """`wheel` or `source` if the file is of *version* and may be installed here, else None."""
    try:
        if filename.endswith(".whl"):
            _, of, _, tags = parse_wheel_filename(filename)
            return "wheel" if str(of) == version and any(map(_fits, tags)) else None
        _, of = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):  # an old kind of archive
        return None
    return "source" if str(of) == version else None


def _fits(tag: Tag) -> bool:
    """Whether a wheel with this tag fits Python 3.11 or newer on Linux or macOS."""
    if not PLATFORMS.fullmatch(tag.platform):
        return False
    cpython = re.fullmatch(r"cp3(\d+)", tag.interpreter)
    if cpython is None:
        return tag.interpreter == "py3"
    return int(cpython[1]) >= 11 or tag.abi == "abi3"


def _public(version: str) -> str:
    """The version without the build suffix: `2.13.0+cpu` becomes `2.13.0`."""
    return version.partition("+")[0]


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
