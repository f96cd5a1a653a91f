"""A stack's data, its queue server and its dashboard are closed to other users of the machine, and to web pages."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import redis
from redis.exceptions import AuthenticationError

from deploy.datadir import FLOWER_USER, DataDir
from deploy.flower import password_of
from deploy.supervisor import Stack
from schema.core.errors import InvalidInput
from schema.core.settings import Settings

LEFT_BY_EARLIER_VERSIONS = ("minutebook.db", "log/api.log", "run/stack.lock", "redis/appendonlydir/old", "files/upload")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on a folder that an earlier version left open to everybody."""
    data_dir = tmp_path_factory.mktemp("stack") / "data"
    for name in LEFT_BY_EARLIER_VERSIONS:
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / name).touch(mode=0o666)
    for folder in (data_dir, *data_dir.rglob("*/")):
        folder.chmod(0o755)
    with Stack(data_dir, processes=["redis", "migrate", "flower"]) as stack:
        yield stack


@pytest.fixture
def flower(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.addresses.flower_url, trust_env=False) as client:
        yield client


@pytest.fixture
def login(stack: Stack) -> tuple[str, str]:
    return FLOWER_USER, password_of(Settings(data_dir=stack.data_dir))


def test_no_other_user_can_read_anything_in_the_data_folder(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        client.set("key", "value")
    found = [stack.data_dir, *stack.data_dir.rglob("*")]
    assert {path.name for path in found} >= {"data", "minutebook.db", "stack.json", "redis.log", "flower", "api.log"}
    assert [path for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077] == []


def test_the_queue_server_asks_for_the_password_that_the_data_folder_keeps(stack: Stack) -> None:
    with redis.Redis(port=stack.addresses.redis_port or 0) as client, pytest.raises(AuthenticationError):
        client.ping()
    password = (stack.data_dir / "passwords" / "redis").read_text().strip()
    with redis.Redis(port=stack.addresses.redis_port or 0, password=password) as client:
        assert client.ping()


def test_passwords_are_on_no_command_line_and_in_no_log(stack: Stack, login: tuple[str, str]) -> None:
    secrets = [login[1], (stack.data_dir / "passwords" / "redis").read_text().strip()]
    pids = [pid for name in stack.processes for pid in stack.pids(name)]
    shown = [" ".join(psutil.Process(pid).cmdline()) for pid in pids]
    assert any("valkey" in line for line in shown)
    logs = [path.read_text() for path in (stack.data_dir / "log").iterdir()]
    assert [secret for secret in secrets for text in (*shown, *logs) if secret in text] == []


def test_the_dashboard_answers_only_after_a_login(flower: httpx.Client, login: tuple[str, str]) -> None:
    for path in ("/", "/workers", "/tasks", "/metrics", "/api/workers", "/static/css/flower.css", "/nothing"):
        refused = flower.get(path)
        assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic"), path
    assert flower.get("/", auth=(FLOWER_USER, "wrong")).status_code == 401
    assert flower.get("/", headers=[(b"Authorization", b"Basic \xe9")]).status_code == 401
    assert flower.get("/healthcheck").status_code == 200
    for path in ("/", "/metrics", "/workers?json=1"):
        assert flower.get(path, auth=login).status_code == 200, path


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.evil.example", 403), ("localhost.evil.example", 403), ("0.0.0.0", 403), ("2130706433", 403), ("[", 400),
        ("me@localhost", 400), ("localhost:1", 200), ("[::1]", 200),
    ],
)  # fmt: skip
def test_the_dashboard_is_served_under_loopback_hosts_only(
    flower: httpx.Client, login: tuple[str, str], host: str, status: int
) -> None:
    answer = flower.get("/", auth=login, headers={"Host": host})
    assert answer.status_code == status
    assert ("127.0.0.1 or localhost" in answer.text) == (status == 403)


@pytest.mark.parametrize("sign", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_page_of_another_site_cannot_use_the_login_that_a_browser_keeps(
    flower: httpx.Client, login: tuple[str, str], sign: dict[str, str]
) -> None:
    assert flower.post("/api/worker/shutdown/any", auth=login, headers=sign).status_code == 403


def test_a_page_of_another_site_may_link_to_the_dashboard_but_not_show_it_in_a_frame(
    flower: httpx.Client, login: tuple[str, str]
) -> None:
    sign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert flower.get("/", auth=login, headers={**sign, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert flower.get("/", auth=login, headers={**sign, "Sec-Fetch-Dest": "document"}).status_code == 200


def test_a_password_of_ones_own_opens_the_dashboard() -> None:
    assert password_of(Settings(flower_password="chosen-by-me!")) == "chosen-by-me!"


def test_a_folder_that_all_users_share_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(InvalidInput, match=r"shared by all users .* set MINUTEBOOK_DATA_DIR"):
        DataDir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
