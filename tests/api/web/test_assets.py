"""The page is served without a key, compressed, with a policy that lets it load nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

from api.web.assets import BUILT
from tests.api.conftest import Api

LARGEST_BYTES = 200_000
"""The limit for the first load, compressed."""


def test_the_page_needs_no_key_and_names_only_files_that_exist(start: Callable[..., Api]) -> None:
    http = start(auth="on").http
    answer = http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    files = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(files) >= 3
    for name in files:
        assert http.get(f"/{name}").status_code == 200, name


def test_the_policy_allows_no_inline_script_and_no_other_origin(api: Api) -> None:
    policy = api.http.get("/").headers["content-security-policy"]
    directives = dict(each.split(" ", 1) for each in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert "unsafe" not in policy
    assert "http" not in policy
    assert directives["frame-ancestors"] == "'none'"


def test_the_first_load_is_small(api: Api) -> None:
    names = ["", *(f"page/{path.name}" for path in BUILT.iterdir())]
    sizes = {}
    for name in names:
        with api.http.stream("GET", f"/{name}", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            sizes[name] = sum(map(len, answer.iter_raw()))
    assert sum(sizes.values()) < LARGEST_BYTES, sizes


def test_a_browser_that_has_a_file_gets_only_its_mark(api: Api) -> None:
    first = api.http.get("/page/app.js")
    again = api.http.get("/page/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_that_is_not_there_is_a_404(api: Api) -> None:
    for name in ("nothing.js", "..%2f__init__.py", "%00"):
        assert api.http.get(f"/page/{name}").status_code == 404
