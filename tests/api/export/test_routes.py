"""Exports are files: browsers save them under the meeting's title and never run them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import pytest

from tests.api.conftest import Api


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Launch", "Launch"),
        ("Größe 会议 🎉", "Größe 会议 🎉"),
        ('Q1/Q2: "plan"\\x', "Q1-Q2- -plan--x"),
        ("two\nlines\tand\u202e more", "two lines and more"),
        (" ..hidden.. ", "hidden"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ('a"; filename="evil.html', "a-; filename=-evil.html"),
        ("", None),
        ("...", None),
        ("会" * 300, "会" * 60),
    ],
)
def test_the_file_of_an_export_is_named_by_the_title(api: Api, title: str, name: str | None) -> None:
    meeting = api.create(title=title)
    answer = api.http.get(f"/v1/meetings/{meeting}/export")
    kind, plain, named = answer.headers["content-disposition"].split("; ")
    assert (kind, plain) == ("attachment", f'filename="meeting-{meeting}.md"')
    assert unquote(named.removeprefix("filename*=UTF-8''")) == f"{name or f'meeting-{meeting}'}.md"


def test_every_answer_forbids_browsers_to_guess_its_type(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    paths = ("/healthz", "/docs", "/openapi.json", "/nothing", "/v1/meetings", "/v1/models", "/v1/uploads/tus")
    for path in paths:
        for method in ("GET", "OPTIONS"):
            assert api.http.request(method, path).headers["x-content-type-options"] == "nosniff", (method, path)
