"""Bearer keys and cookies of HTTP requests and live sockets: authenticates the caller and checks its scope."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from api.auth.keys import Principal
from api.http.cancel import cancel
from api.services import Services
from schema.core.errors import Forbidden, Unauthorized, Unavailable
from schema.core.states import Scope

T = TypeVar("T")
log = logging.getLogger(__name__)
LOCAL = Principal("local", frozenset({Scope.ADMIN}))
"""Everybody who can reach an API that listens on loopback only and works without keys."""

SUBPROTOCOL = "minutebook"
KEY_SUBPROTOCOL = "minutebook.key."
"""A browser cannot set headers on a socket, so it offers the subprotocols `minutebook` and `minutebook.key.<key>`."""

COOKIE = "minutebook_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_SCHEME = HTTPBearer(auto_error=False, description="An API key as printed by `minutebook keys create`.")


def require(scope: Scope) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """Make a dependency that returns the principal of the request, who must have *scope*."""

    async def principal(request: Request, _documented: Annotated[Any, Depends(_SCHEME)]) -> Principal:
        found: Principal = request.state.principal  # from KeyFirst, which runs before every route
        return check_scope(found, scope)

    return principal


Reader = Annotated[Principal, Depends(require(Scope.READ))]
Writer = Annotated[Principal, Depends(require(Scope.WRITE))]
Admin = Annotated[Principal, Depends(require(Scope.ADMIN))]


async def authenticate(services: Services, key: str | None) -> Principal:
    """Find the principal and count the request for its rate limit. Raises Unauthorized, RateLimited, Unavailable."""
    if not services.config.asks_for_keys:
        return LOCAL
    if key is None:
        raise Unauthorized("no API key was sent; send 'Authorization: Bearer mb_...'")
    try:
        principal = await services.keys.principal(key)
    except Unavailable as error:
        log.warning("an API key cannot be checked: %s", error.detail)
        # Nobody knows whose request this is, so it is not told where the database is.
        problem = "the API key cannot be checked, because the database cannot be used; try again later"
        raise Unavailable(problem) from error
    await services.limiter.take(principal)
    return principal


async def check_not_revoked(services: Services, key: str | None) -> None:
    """Check the key of a request that is still arriving. Raises Unauthorized."""
    if key is not None and services.config.asks_for_keys:
        await services.keys.check(key)


async def until_revoked(services: Services, key: str | None, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of *work*. Cancels *work* and raises Unauthorized when *key* is revoked."""
    working = asyncio.create_task(work)
    revoking = asyncio.create_task(wait_until_revoked(services, key))
    try:
        await asyncio.wait({working, revoking}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise revoking.result()
    finally:
        await cancel(working, revoking)


async def wait_until_revoked(services: Services, key: str | None) -> Unauthorized:
    """Wait until a connection that *key* opened has to end, and return the error for it."""
    if key is None or not services.config.asks_for_keys:  # the connection was opened without a key
        return await asyncio.Future[Unauthorized]()
    return await services.keys.wait_until_revoked(key)


def check_scope(principal: Principal, scope: Scope) -> Principal:
    """Raises Forbidden unless *principal* has *scope*."""
    if not principal.may(scope):
        have = ", ".join(sorted(principal.scopes))
        raise Forbidden(f"this needs a key with the scope '{scope}'; this key has: {have}", scope=scope.value)
    return principal


def credential_of(connection: HTTPConnection) -> str | None:
    """The key in the header Authorization, else the token of the page's session from its cookie.

    Raises Forbidden if a page of another site caused a request with the cookie.
    """
    if key := bearer_key(connection.headers.get("authorization")):
        return key
    token = connection.cookies.get(COOKIE)
    if token and not is_own_page(connection):
        raise Forbidden(
            "a page of another site caused this request; use the page of this server, or send a key. Behind a reverse "
            "proxy, let the proxy pass on the header Host"
        )
    return token


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether no page but ours can have caused a request. Browsers name the page in Sec-Fetch-Site and Origin.

    SameSite=Strict keeps the cookie from other sites already; this also holds for other ports and names of the host.
    """
    site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
    only_reads = connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS
    if origin is not None:
        scheme, _, host = origin.partition("://")
        ours = connection.headers.get("host"), connection.headers.get("x-forwarded-host")
        return scheme in ("http", "https") and host in ours
    return site == "same-origin" or (only_reads and site in (None, "none"))


def bearer_key(header: str | None) -> str | None:
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def socket_key(socket: WebSocket) -> str | None:
    """The key of a live socket: from the subprotocol that a browser offers, from its header, or from its cookie."""
    offered = [each for each in _offered_subprotocols(socket) if each.startswith(KEY_SUBPROTOCOL)]
    return offered[0].removeprefix(KEY_SUBPROTOCOL) if offered else credential_of(socket)


def chosen_subprotocol(socket: WebSocket) -> str | None:
    """The subprotocol to accept: a browser gives up if there is none. The key is returned only if nothing else fits."""
    offered = _offered_subprotocols(socket)
    return SUBPROTOCOL if SUBPROTOCOL in offered else next(iter(offered), None)


def _offered_subprotocols(socket: WebSocket) -> list[str]:
    offered: list[str] = socket.scope.get("subprotocols", [])
    return offered
