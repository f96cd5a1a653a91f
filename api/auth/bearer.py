"""Who asks, and may they: bearer keys for HTTP and for live sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.websockets import WebSocket

from api.auth.keys import Principal
from api.services import Services, services_of
from schema.core.errors import Forbidden, Unauthorized
from schema.core.states import Scope

LOCAL = Principal("local", frozenset({Scope.ADMIN}))
"""Whoever reaches an API that listens on loopback only and asks for no keys."""

SUBPROTOCOL = "minutebook"
KEY_SUBPROTOCOL = "minutebook.key."
"""A browser cannot set headers on a socket: it offers the subprotocols `minutebook` and `minutebook.key.<key>`."""

_SCHEME = HTTPBearer(auto_error=False, description="An API key, as `minutebook keys create` prints it.")


def require(scope: Scope) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """A dependency: the principal of the request, who has *scope*."""

    async def principal(request: Request, _documented: Annotated[Any, Depends(_SCHEME)]) -> Principal:
        found = await admit(services_of(request), bearer_key(request.headers.get("authorization")))
        return check_scope(found, scope)

    return principal


Reader = Annotated[Principal, Depends(require(Scope.READ))]
Writer = Annotated[Principal, Depends(require(Scope.WRITE))]


async def admit(services: Services, key: str | None) -> Principal:
    """Whose request it is, counted against the key's limit. Raises Unauthorized, RateLimited, Unavailable."""
    if not services.config.asks_for_keys:
        return LOCAL
    if key is None:
        raise Unauthorized("no API key was sent; send 'Authorization: Bearer mb_...'")
    principal = await services.keys.principal(key)
    await services.limiter.take(principal)
    return principal


async def revoked(services: Services, key: str | None) -> Unauthorized:
    """Wait until a connection that *key* opened has to end; returns the error that says why."""
    if key is None or not services.config.asks_for_keys:  # nothing that could be revoked let it in
        return await asyncio.Future[Unauthorized]()
    return await services.keys.revoked(key)


def check_scope(principal: Principal, scope: Scope) -> Principal:
    """Raises Forbidden unless *principal* has *scope*."""
    if not principal.may(scope):
        have = ", ".join(sorted(principal.scopes))
        raise Forbidden(f"this needs a key with the scope '{scope}'; this key has: {have}", scope=scope.value)
    return principal


def bearer_key(header: str | None) -> str | None:
    scheme, _, key = (header or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def socket_key(socket: WebSocket) -> str | None:
    """The key of a live socket: from its header, or from the subprotocol that a browser offers."""
    offered = [each for each in _offered(socket) if each.startswith(KEY_SUBPROTOCOL)]
    return bearer_key(socket.headers.get("authorization")) or (
        offered[0].removeprefix(KEY_SUBPROTOCOL) if offered else None
    )


def chosen_subprotocol(socket: WebSocket) -> str | None:
    """A browser gives up when none of what it offered is chosen; the key is only said back when it stands alone."""
    offered = _offered(socket)
    return SUBPROTOCOL if SUBPROTOCOL in offered else next(iter(offered), None)


def _offered(socket: WebSocket) -> list[str]:
    offered: list[str] = socket.scope.get("subprotocols", [])
    return offered
