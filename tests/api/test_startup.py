"""Invalid settings are reported at start in one line, without traceback or password."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from api.__main__ import raise_file_limit
from api.app import create_app
from deploy.addresses import resolve
from schema.core import settings as module
from schema.core.errors import InvalidInput
from schema.core.settings import Settings
from tests.api.conftest import Api
from tests.api.process import environment


def run_module(config: Settings, *module: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE` with *config* to its end."""
    command = [sys.executable, "-m", *module]
    return subprocess.run(command, env=environment(config), capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def file_limit() -> Iterator[int]:
    """The most files that this process may ever open. Its own limit is lower during the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_api_may_open_a_file_for_each_connection(file_limit: int, caplog: pytest.LogCaptureFixture) -> None:
    raise_file_limit(1000)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 1000
    assert not caplog.text


def test_a_limit_of_connections_that_the_system_cannot_serve_is_logged(
    file_limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    if file_limit == resource.RLIM_INFINITY:
        pytest.skip("this system limits no process")
    raise_file_limit(file_limit)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == file_limit
    assert f"MINUTEBOOK_CONNECTIONS_LIMIT={file_limit}" in caplog.text


def test_the_api_does_not_start_on_an_open_host_without_keys(settings: Callable[..., Settings]) -> None:
    run = run_module(settings(auth="off", api_host="0.0.0.0"), "api")
    assert run.returncode == 2
    assert "the API cannot start: MINUTEBOOK_AUTH=off" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("command", "driver"),
    [(["api"], "mysql"), (["api"], "postgresql+psycopg2"), (["api.cli", "doctor"], "postgresql+psycopg2")],
)
def test_an_unsupported_database_url_is_refused_without_its_password(
    settings: Callable[..., Settings], command: list[str], driver: str
) -> None:
    run = run_module(settings(database_url=f"{driver}://me:secret@host/name"), *command)
    assert run.returncode in (1, 2)
    assert f"MINUTEBOOK_DATABASE_URL names '{driver}'; use sqlite or postgresql" in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert "secret" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("redis://:secret@host:port/0", "'redis://…@host:port/0' is not valid: .*write redis://host:6379/0"),
        ("redis://:secret@host/minutes", "'redis://…@host/minutes' is not valid: .*database is not a number"),
        ("http://:secret@host", "'http://…@host' is not valid: .*write redis://host:6379/0"),
        ("unix:///run/redis.sock", "'unix:///run/redis.sock' is not valid: .*write redis://host:6379/0"),
    ],
)
def test_an_invalid_redis_url_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, named: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_REDIS_URL", url)
    module.settings.cache_clear()
    with pytest.raises(InvalidInput, match=f"MINUTEBOOK_REDIS_URL = {named}") as refused:
        module.settings()
    assert "secret" not in str(refused.value)


def test_a_redis_url_without_port_and_database_is_accepted(start: Callable[..., Api]) -> None:
    assert start(redis_url="redis://127.0.0.1").http.get("/healthz").status_code == 200


def test_create_app_refuses_an_open_host_without_keys(settings: Callable[..., Settings]) -> None:
    with pytest.raises(InvalidInput, match=r"MINUTEBOOK_AUTH=off with MINUTEBOOK_API_HOST=0\.0\.0\.0"):
        create_app(settings(auth="off", api_host="0.0.0.0"))


def test_keys_are_required_on_an_open_host_by_default(settings: Callable[..., Settings]) -> None:
    assert settings(api_host="0.0.0.0").asks_for_keys
    assert not settings().asks_for_keys


@pytest.mark.parametrize("password", ["short", "with space in it", "pässwörter"])
def test_an_unsuitable_password_for_flower_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_FLOWER_PASSWORD", password)
    module.settings.cache_clear()
    with pytest.raises(InvalidInput, match="MINUTEBOOK_FLOWER_PASSWORD = … is not valid") as refused:
        module.settings()
    assert password not in str(refused.value)
    with pytest.raises(InvalidInput) as refused:
        resolve({"MINUTEBOOK_FLOWER_PASSWORD": password, "MINUTEBOOK_REDIS_URL": "redis://:hidden@host:port/0"})
    assert password not in str(refused.value)
    assert "hidden" not in str(refused.value)
