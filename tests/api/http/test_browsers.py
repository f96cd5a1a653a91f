"""Web pages of other sites and requests under other host names cannot use an API that asks for no keys."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import ValidationError
from websockets.exceptions import InvalidStatus

from api import app
from api.app import EXPOSED_HEADERS
from schema.core.settings import Settings
from tests.api.conftest import Api, serving
from tests.api.sockets import live
from tests.servers import free_port

PAGE = "https://evil.example"
APP = "https://app.example:8443"
OTHER_HOSTS = (
    "example.org", "127.evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.", "localhost.",
    "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "0.0.0.0", "0", "[::]", "[::2]", "192.168.0.1",
)  # fmt: skip
OWN_HOSTS = ("127.0.0.1", "127.0.0.1:8765", "127.1.2.3", "localhost", "LOCALHOST:1", "localhost:", "[::1]", "[::1]:80")
MALFORMED_HOSTS = (
    "", "[", "[::1", "[::1]x", "[localhost]", "[::1%lo]", "[::1%25lo]", "::1", "me@localhost", "localhost:port",
    "localhost:99999", "localhost/", "http://localhost", "local host", "localhost, localhost", "\xe9",
)  # fmt: skip


API_FOLDER = Path(app.__file__).parent
HEADER_NAME = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z0-9]*)+|ETag|Location|Allow|Vary")
SAFELISTED = {"Cache-Control", "Content-Length", "Content-Type"}
"""Pages may read these of every answer."""
FOR_BROWSERS = {
    "Content-Encoding", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy",
    "Referrer-Policy", "Vary", "X-Robots-Tag",
}  # fmt: skip
OF_REQUESTS = {"If-Match"}


@pytest.fixture(scope="module")
def api(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API on loopback that asks for no keys and may be called by the page `APP`."""
    with ExitStack() as stack:
        config = Settings(data_dir=tmp_path_factory.mktemp("api"), redis_url=valkey_url, api_port=free_port())
        yield stack.enter_context(serving(config.model_copy(update={"cors_origins": (APP,)})))


def raw(api: Api, *lines: str, connection: str = "close") -> int:
    """The status of the answer to a request with exactly these lines, and a header Connection."""
    with socket.create_connection(("127.0.0.1", api.config.api_port), timeout=20) as peer:
        peer.sendall("\r\n".join([*lines, f"Connection: {connection}", "", ""]).encode("latin-1"))
        return int(peer.makefile("rb").readline().split()[1])


def meetings(api: Api) -> int:
    return len(api.http.get("/v1/meetings").json()["meetings"])


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_host_that_is_not_loopback_is_refused(api: Api, host: str) -> None:
    assert raw(api, "GET /v1/meetings HTTP/1.1", f"Host: {host}") == 403
    assert raw(api, "GET /v1/meetings HTTP/1.1", f"Host: {host}:{api.config.api_port}") == 403


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_every_loopback_address_and_localhost_are_served(api: Api, host: str) -> None:
    assert raw(api, "GET /v1/meetings HTTP/1.1", f"Host: {host}") == 200


@pytest.mark.parametrize("host", MALFORMED_HOSTS)
def test_a_malformed_host_is_a_400(api: Api, host: str) -> None:
    assert raw(api, "GET /v1/meetings HTTP/1.1", f"Host: {host}") == 400


def test_a_malformed_host_is_a_400_where_keys_are_required_too(start: Callable[..., Api]) -> None:
    answer = start(auth="on").http.get("/v1/meetings", headers={"Host": "["})
    assert answer.status_code == 400
    assert "in the header Host, '[' is not a host" in answer.json()["detail"]


def test_a_missing_or_repeated_host_is_a_400_but_http_1_0_needs_none(api: Api) -> None:
    assert raw(api, "GET /v1/meetings HTTP/1.1") == 400
    assert raw(api, "GET /v1/meetings HTTP/1.1", "Host: localhost", "Host: localhost") == 400
    assert raw(api, "GET /v1/meetings HTTP/1.1", "Host: localhost", f"Host: {PAGE}") == 400
    assert raw(api, "GET /v1/meetings HTTP/1.0") == 200


def test_neither_a_forwarded_host_nor_the_request_target_replaces_the_host(api: Api) -> None:
    assert raw(api, "GET /v1/meetings HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: localhost") == 403
    assert raw(api, "GET /v1/meetings HTTP/1.1", "Host: localhost", "X-Forwarded-Host: evil.example") == 403
    assert raw(api, "GET http://localhost/v1/meetings HTTP/1.1", "Host: evil.example") == 403


@pytest.mark.parametrize("origin", [PAGE, "null", "", "http://127.evil.example", "http://[", "file://", "http://0:80"])
def test_a_page_of_another_site_can_neither_read_nor_write(api: Api, origin: str) -> None:
    before = meetings(api)
    assert api.http.get("/v1/meetings", headers={"Origin": origin}).status_code == 403
    refused = api.http.post("/v1/meetings", json={}, headers={"Origin": origin})
    assert refused.status_code == 403
    assert "MINUTEBOOK_AUTH=on" in refused.json()["detail"]
    assert meetings(api) == before


@pytest.mark.parametrize(
    ("origin", "remedy"),
    [
        ("https://Evil.example:443", "add https://evil.example to MINUTEBOOK_CORS_ORIGINS;"),
        ("null", "serve it over http and list its origin in MINUTEBOOK_CORS_ORIGINS;"),
    ],
)
def test_the_refusal_of_a_page_names_its_origin_and_the_setting_that_admits_it(
    api: Api, origin: str, remedy: str
) -> None:
    detail = api.http.get("/v1/meetings", headers={"Origin": origin}).json()["detail"]
    assert f"the header Origin is '{origin}', a page of another site; " in detail
    assert remedy in detail


@pytest.mark.parametrize("path", ["/v1/meetings/{}/live", "/v1/realtime?model=whisper-1"])
@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("127.evil.example", 403), ("evil.example", 403)])
def test_a_name_that_leads_here_from_elsewhere_opens_no_socket(api: Api, path: str, host: str, status: int) -> None:
    request = f"GET {path.format(api.create())} HTTP/1.1"
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert raw(api, request, f"Host: {host}", *upgrade, connection="Upgrade") == status


@pytest.mark.parametrize("origin", [PAGE, "null", "http://127.evil.example"])
def test_a_page_of_another_site_cannot_open_a_socket(api: Api, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, live(api, api.create(), origin=origin):
        pass
    assert refused.value.response.status_code == 403
    assert b"another site" in (refused.value.response.body or b"")


@pytest.mark.parametrize(
    "sign", [{"Sec-Fetch-Site": "cross-site"}, {"Referer": f"{PAGE}/page"}, {"Referer": "http://["}]
)
@pytest.mark.parametrize(
    "body",
    [
        {"files": {"file": ("a.wav", b"RIFF")}},
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        {"data": {"title": "x"}},
        {"content": b""},
    ],
)
def test_a_form_of_another_site_that_names_no_origin_cannot_write(
    api: Api, sign: dict[str, str], body: dict[str, object]
) -> None:
    headers = {**body.get("headers", {}), **sign, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}  # type: ignore[dict-item]
    for path in ("/v1/meetings", f"/v1/meetings/{api.create()}/finish", "/v1/uploads", "/v1/audio/transcriptions"):
        answer = api.http.post(path, **{**body, "headers": headers})  # type: ignore[arg-type]
        assert answer.status_code == 403, path


def test_a_link_of_another_site_opens_a_page_but_a_page_of_another_site_embeds_nothing(api: Api) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    link = {**cross, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Referer": PAGE}
    frame = {**cross, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    image = {**cross, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert [api.http.get("/openapi.json", headers=headers).status_code for headers in (link, frame, image)] == [
        200,
        403,
        403,
    ]


def test_programs_and_pages_of_this_machine_write_without_ceremony(api: Api) -> None:
    for headers in (
        {},
        {"User-Agent": "curl/8.5.0"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://[::1]:3000", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": "http://localhost:3000/page"},
    ):
        assert api.http.post("/v1/meetings", json={}, headers=headers).status_code == 201, headers


def test_a_listed_page_may_call_the_api_and_read_the_headers_of_tus(api: Api) -> None:
    preflight = api.http.options(
        "/v1/uploads/tus",
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset",
        },
    )
    assert preflight.status_code == 200
    assert "tus-resumable" in preflight.headers["access-control-allow-headers"]
    written = api.http.post("/v1/meetings", json={}, headers={"Origin": APP, "Sec-Fetch-Site": "cross-site"})
    assert written.status_code == 201
    assert written.headers["access-control-allow-origin"] == APP
    assert set(written.headers["access-control-expose-headers"].split(", ")) == set(EXPOSED_HEADERS)
    assert {"Location", "Upload-Offset", "ETag"} <= set(EXPOSED_HEADERS)


def test_every_header_that_an_answer_may_carry_can_be_read_by_listed_pages() -> None:
    named = set().union(*map(_headers_named_in, API_FOLDER.rglob("*.py")))
    assert named - set(EXPOSED_HEADERS) <= SAFELISTED | FOR_BROWSERS | OF_REQUESTS
    assert {"X-Minutebook-Coverage", "Content-Range", "ETag"} <= named


def _headers_named_in(path: Path) -> set[str]:
    """The names of headers that are keys of a dictionary or an index in a module."""
    keys = set[object]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            keys |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            keys.add(node.slice.value)
    return {key for key in keys if isinstance(key, str) and HEADER_NAME.fullmatch(key)}


def test_other_pages_get_no_permission_from_the_browser(api: Api, start: Callable[..., Api]) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for served in (api, start(auth="on")):
        assert "access-control-allow-origin" not in served.http.options("/v1/meetings", headers=asks).headers


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" https://App.example , http://localhost:80,", ("https://app.example", "http://localhost")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_listed_origins_are_read_as_browsers_write_them(text: str, origins: tuple[str, ...]) -> None:
    assert Settings.model_validate({"cors_origins": text}).cors_origins == origins


@pytest.mark.parametrize("text", ["*", "null", "app.example", "https://a.example/", "https://*.a.example", "ftp://a"])
def test_a_listed_origin_that_is_none_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValidationError, match=r"cors_origins\s.*write .* without path"):
        Settings.model_validate({"cors_origins": text})


def test_a_host_is_loopback_only_by_its_address_or_the_name_localhost() -> None:
    assert not Settings(api_host="127.0.0.2").asks_for_keys
    assert Settings(api_host="127.evil.example").asks_for_keys
    assert Settings(api_host="0.0.0.0").asks_for_keys
