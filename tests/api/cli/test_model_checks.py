"""What `minutebook doctor` says about a chat model in a file, and about an endpoint that writes the minutes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from redis import Redis

from api.cli.findings import Finding, Health
from api.cli.model_checks import endpoint, endpoint_use, models
from schema.core.settings import Settings
from schema.minutes.model_use import ModelUse, TokenLimits
from tests.workers.summarize.chat.chat_server import chat_server, said


def about_file(file: Path) -> Finding:
    """The finding about the language model *file*."""
    return next(found for found in models(Settings(summary_model=str(file))) if found.part == "language model")


def test_a_file_is_named_with_what_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "chat.gguf"
    assert about_file(file).health == Health.FAIL
    file.write_bytes(b"<html>")
    assert "is no GGUF file" in about_file(file).text
    file.write_bytes(b"GGUF...")
    assert about_file(file) == Finding("language model", Health.OK, f"{file}, run by llama.cpp")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert about_file(file).remedy == "pip install 'minutebook[gguf]'"


def test_without_an_endpoint_nothing_is_said() -> None:
    assert list(endpoint(Settings())) == []


def test_an_endpoint_is_good_if_it_lists_the_model() -> None:
    with chat_server(said("")) as server:
        [good] = endpoint(Settings(summary_url=server.url, summary_url_model="llama"))
        [other] = endpoint(Settings(summary_url=server.url, summary_url_model="gpt"))
        url = server.url
    [away] = endpoint(Settings(summary_url=url, summary_url_model="llama"))
    assert (good.health, other.health, away.health) == (Health.OK, Health.WARN, Health.WARN)
    assert all("transcripts are sent there" in each.text for each in (good, other, away))
    assert "llama, qwen" in other.remedy
    assert "until then this machine writes" in away.remedy


def test_a_key_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    config = Settings(
        summary_url="http://127.0.0.1:1/v1", summary_url_model="m", summary_url_key_file=tmp_path / "none"
    )
    [finding] = endpoint(config)
    assert finding.health == Health.FAIL
    assert "MINUTEBOOK_SUMMARY_URL_KEY_FILE" in finding.text


def test_the_use_of_the_endpoint_and_its_last_fault_are_told(redis_client: Redis) -> None:
    options = redis_client.connection_pool.connection_kwargs
    url = f"redis://127.0.0.1:{options['port']}/{options['db']}"
    config = Settings(
        summary_url="http://127.0.0.1:1/v1", summary_url_model="m", redis_url=url, summary_url_day_tokens=100
    )
    use = ModelUse(redis_client, TokenLimits(per_day=100))
    use.add_answer("m", 60)
    assert [each.text for each in endpoint_use(config)] == ["answers today: 1, tokens: 60 of 100"]
    use.add_fall_back("m: answered 500")
    [faulty] = endpoint_use(config)
    use.add_answer("m", 60)
    [over] = endpoint_use(config)
    assert (faulty.health, over.health) == (Health.WARN, Health.WARN)
    assert "without a usable answer: 1, at last: m: answered 500" in faulty.text
    assert "tokens: 120 of 100; this machine writes the minutes now" in over.text
    assert list(endpoint_use(Settings(redis_url=url))) == []
