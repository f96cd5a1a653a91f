"""A start says what it waits for: first after a moment, then every ten seconds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy import waiting
from deploy.supervisor import Stack
from deploy.waiting import EVERY_S, FIRST_S, Waiting, in_words
from tests.deploy.small_processes import procfile


def test_a_wait_is_announced_after_a_moment_and_then_at_intervals() -> None:
    said: list[str] = []
    now_s = 0.0
    wait = Waiting(said.append, lambda: now_s)
    while now_s < 25:
        wait.look(lambda: ["api", "ingest"])
        now_s += 0.5
    moments_s = [FIRST_S, FIRST_S + EVERY_S, FIRST_S + 2 * EVERY_S]
    assert said == [f"waiting for api, ingest; {moment_s:.0f} s" for moment_s in moments_s]


def test_a_short_wait_and_one_that_has_just_ended_say_nothing() -> None:
    said: list[str] = []
    now_s = 0.0
    wait = Waiting(said.append, lambda: now_s)
    wait.look(lambda: ["api"])
    now_s = FIRST_S
    wait.look(list)
    assert said == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["redis"], "redis"),
        (["summarize"], "summarize: it loads its model; the first start also unpacks it"),
        (["api", "summarize"], "api, summarize: summarize loads its model; the first start also unpacks it"),
        (
            ["transcribe", "summarize"],
            "transcribe, summarize: they load their models; the first start also unpacks them",
        ),
        (
            ["api", "transcribe", "summarize"],
            "api, transcribe, summarize: transcribe and summarize load their models; the first start also unpacks them",
        ),
    ],
)
def test_the_words_say_why_it_takes_long(names: list[str], words: str) -> None:
    assert in_words(names) == words


def test_a_stack_says_what_it_waits_for_to_its_caller_and_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.0)
    said: list[str] = []
    entries = procfile(tmp_path, migrate="sleep 1", one="sleep 600", two="sleep 600")
    with Stack(tmp_path, procfile=entries, tell=said.append) as stack:
        stack.say("ready")
    assert said[0] == "waiting for migrate; 0 s"
    assert any(re.fullmatch("waiting for (one, )?two; 0 s", line) for line in said)
    assert said[-1] == "ready"
    log = (tmp_path / "log" / "stack.log").read_text()
    assert all(f"     stack | {line}\n" in log for line in said)
    assert "       one | started, pid " in log
