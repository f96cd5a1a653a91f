"""Problem details back into the errors they were made of."""

from __future__ import annotations

from typing import Any

from schema.core import errors
from schema.core.errors import MinutebookError, Unavailable

PREFIX = "urn:minutebook:problem:"


def _leaves(cls: type[MinutebookError]) -> dict[str, type[MinutebookError]]:
    found = {cls.slug: cls}
    for child in cls.__subclasses__():
        found |= _leaves(child)
    return found


def error_of(problem: dict[str, Any]) -> MinutebookError:
    """The error that a server described by RFC 9457 members. An unknown type keeps its text and its status."""
    slug = str(problem.get("type", "")).removeprefix(PREFIX)
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {problem}")
    facts = {key: value for key, value in problem.items() if key not in {"type", "title", "status", "detail"}}
    return _leaves(errors.MinutebookError).get(slug, MinutebookError)(detail, **facts)


def error_of_text(status: int, text: str, url: str) -> MinutebookError:
    """For an answer that is no problem document, such as a proxy's own page."""
    shown = " ".join(text.split())[:200] or "an empty body"
    return Unavailable(f"{url} answered {status} with {shown!r}; check that MINUTEBOOK_URL is a Minutebook API")
