"""Routes of the page's session: a browser sends a key once and gets a cookie that scripts cannot read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth.bearer import COOKIE, Reader, bearer_key
from api.auth.sessions import SESSION_DAYS, create_session, end_session
from api.http.examples import response
from api.http.problems import responses
from api.services import ServicesHere
from schema.core.errors import Forbidden, RateLimited, Unauthorized
from schema.core.states import Scope
from schema.core.wire import PageSessionOut

DAY_S = 24 * 3600
EXAMPLE = PageSessionOut(asks_for_key=True, scopes=[Scope.READ, Scope.WRITE], audio_retention="days:30")

router = APIRouter(prefix="/v1/session", tags=["session"], responses=responses(Unauthorized, Forbidden, RateLimited))


def sent_key(request: Request) -> str | None:
    """The key in the header. A session cannot begin another one."""
    return bearer_key(request.headers.get("authorization"))


@router.get("", summary="Show what this browser may do", responses=response(EXAMPLE))
def show(services: ServicesHere, principal: Reader) -> PageSessionOut:
    """Show the scopes of the key or the session of this request, and whether this server asks for keys at all."""
    config = services.config
    return PageSessionOut(
        asks_for_key=config.asks_for_keys, scopes=sorted(principal.scopes), audio_retention=config.audio_retention
    )


@router.post("", summary="Sign in with a key", responses=response(EXAMPLE))
def begin(
    request: Request,
    services: ServicesHere,
    principal: Reader,
    key: Annotated[str | None, Depends(sent_key)],
    answer: Response,
) -> PageSessionOut:
    """Begin a session with the key in the header: a cookie for this browser, for 30 days or until the key is revoked.

    A server that asks for no keys sets no cookie.
    """
    if services.config.asks_for_keys:
        if key is None:
            raise Unauthorized("a session begins with a key; send 'Authorization: Bearer mb_...'")
        new = create_session(services.database, principal.owner)
        answer.set_cookie(
            COOKIE,
            new.token,
            max_age=SESSION_DAYS * DAY_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return show(services, principal)


@router.delete("", summary="Sign out", status_code=204)
def end(request: Request, services: ServicesHere, _principal: Reader) -> Response:
    """End the session of this browser. Its cookie is worth nothing within seconds."""
    if token := request.cookies.get(COOKIE):
        end_session(services.database, token)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer
