"""`python -m deploy.lockfile`: choose the newest versions that fit pyproject.toml and write requirements/cpu.lock.

Needs only pip. With `--keep` the installed versions stay, and only new packages get a version.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "cpu.lock"
BUILD = "setuptools>=77"
HEADER = """\
# Exact versions of all packages that `make setup` installs. `make lock` rewrites this file.
# torch has no build suffix: the package index of the machine decides whether it is for CPU or GPU.
"""


def main(argv: list[str]) -> int:
    pins = _installed() if "--keep" in argv else {"torch": "2.13.0"}
    constraints = LOCK.with_suffix(".draft")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    try:
        chosen = _resolve(constraints)
    finally:
        constraints.unlink()
    lines = sorted(f"{name}=={version}" for name, version in chosen.items())
    LOCK.write_text(HEADER + "\n".join(lines) + "\n")
    print(f"{LOCK.relative_to(ROOT)}: {len(lines)} packages")
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
    del packages["minutebook"]
    return packages


def _public(version: str) -> str:
    """The version without the build suffix: `2.13.0+cpu` becomes `2.13.0`."""
    return version.partition("+")[0]


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
