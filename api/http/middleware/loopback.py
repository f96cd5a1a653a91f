"""Without keys the API serves this machine only: no other host, and no web page of another site in its browser."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import problem_of, problem_response
from schema.core.errors import DecodeError, Forbidden, InvalidInput
from schema.core.hosts import SHOWN_CHARACTERS, host_of, host_of_origin, is_loopback, origin_of
from schema.core.settings import Settings

REMEDY = "set MINUTEBOOK_AUTH=on and use an API key"
ORIGINS = "MINUTEBOOK_CORS_ORIGINS"
OWN_SITES = frozenset({"same-origin", "same-site", "none"})
"""Values of Sec-Fetch-Site for requests that no page of another site caused. `none` is the user's own navigation."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_auth(config: Settings) -> None:
    """Raises InvalidInput if the API would serve other machines without keys."""
    if config.auth == "off" and not is_loopback(config.api_host):
        raise InvalidInput(
            f"MINUTEBOOK_AUTH=off with MINUTEBOOK_API_HOST={config.api_host} would let anybody read every meeting; "
            "set MINUTEBOOK_AUTH=on and make a key with 'minutebook keys create', or listen on 127.0.0.1"
        )


class LoopbackOnly:
    """Refuses requests from or to another host, and requests that a browser makes for a page of another site.

    Such a page can reach the API under a name of its own that resolves to 127.0.0.1, or send a form. Browsers name the
    page in Origin, Sec-Fetch-Site or Referer; other programs send none of them. *origins* are the pages of other sites
    that may call the API.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = next(self._refusals(scope), None) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            problem = {**problem_of(Forbidden(refusal)), "title": "Without keys, only for this machine"}
            await problem_response(problem)(scope, receive, send)

    def _refusals(self, scope: Scope) -> Iterator[str]:
        client, headers = scope.get("client"), Headers(scope=scope)
        if client is not None and not is_loopback(client[0]):
            yield f"this API works without keys and serves this machine only, not {client[0]}; {REMEDY}"
        for name in ("host", "x-forwarded-host"):
            for value in headers.getlist(name):
                if not _is_here(value):
                    yield f"the header {name.title()} names a host other than this machine; {REMEDY}"
        origins = headers.getlist("origin")
        for origin in origins:
            if not self._may_call(origin):
                yield f"the header Origin is {origin[:SHOWN_CHARACTERS]!r}, a page of another site; {_remedy(origin)}"
        if not origins and _is_foreign(scope, headers):
            yield f"a page of another site caused this request; {REMEDY}"

    def _may_call(self, origin: str) -> bool:
        if origin in self._origins:
            return True
        try:
            return is_loopback(host_of_origin(origin))
        except DecodeError:
            return False


def _remedy(origin: str) -> str:
    """What lets a page or a program with this *origin* call the API."""
    try:
        listed = origin_of(origin)
    except DecodeError:  # such as `null`, which stands for many pages
        return f"for a page, serve it over http and list its origin in {ORIGINS}; for a program, {REMEDY}"
    return f"for a page that may call the API, add {listed} to {ORIGINS}; for a program, {REMEDY}"


def _is_here(authority: str) -> bool:
    try:
        return is_loopback(host_of(authority))
    except DecodeError:
        return False


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a page of another site caused a request without Origin. A link from there may open a page of ours."""
    method = scope.get("method", "GET")
    site = headers.get("sec-fetch-site")
    if site is None:
        referer = headers.get("referer")
        return method not in SAFE_METHODS and referer is not None and not _is_here(_authority_of(referer))
    opens_page = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return site not in OWN_SITES and not (method == "GET" and opens_page)


def _authority_of(referer: str) -> str:
    try:
        return urlsplit(referer).netloc
    except ValueError:
        return ""
