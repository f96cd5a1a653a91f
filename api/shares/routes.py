"""Routes that make, list and end share links."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Response
from sqlalchemy import select

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.http.examples import response
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Gone, InvalidInput, NotFound
from schema.core.states import ShareScope
from schema.core.tables import now
from schema.shares.tables import ShareLink
from schema.shares.wire import SHARE_DAYS, SHARE_DAYS_LIMIT, CreatedShare, NewShare, ShareList, ShareOut

EXAMPLE = ShareOut(
    id="0f1e2d3c4b5a6978",
    scope=ShareScope.TRANSCRIPT,
    created_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    ends_at=datetime(2026, 3, 9, 12, tzinfo=UTC),
)
CREATED = CreatedShare(**EXAMPLE.model_dump(), token="k3J...", path="s/k3J...")  # noqa: S106 - an example

router = APIRouter(
    prefix="/v1/meetings/{meeting_id}/shares", tags=["shares"], responses=responses(*ANY, NotFound, Gone)
)


@router.post("", summary="Make a share link", status_code=201, responses=response(CREATED, 201))
def add(meeting_id: str, new: NewShare, services: ServicesHere, principal: Writer) -> CreatedShare:
    """Make a link with which people read this meeting without a key, until it ends. The token is shown only once."""
    ends_at = new.ends_at or now() + timedelta(days=SHARE_DAYS)
    if not now() < ends_at <= now() + timedelta(days=SHARE_DAYS_LIMIT):
        raise InvalidInput(
            f"ends_at {ends_at.isoformat()} is not within the next {SHARE_DAYS_LIMIT} days; give such a day"
        )
    token = secrets.token_urlsafe(32)
    share = ShareLink(
        id=secrets.token_hex(8), meeting_id=meeting_id, token_hash=hash_of(token), scope=new.scope, ends_at=ends_at
    )
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        session.add(share)
        session.flush()
        shown = _share_out(share)
    return CreatedShare(**shown.model_dump(), token=token, path=f"s/{token}")


@router.get("", summary="List the share links", responses=response(ShareList(shares=[EXAMPLE])))
def list_shares(meeting_id: str, services: ServicesHere, principal: Reader) -> ShareList:
    """List the links of a meeting, newest first, also those that have ended."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        chosen = (
            select(ShareLink)
            .where(ShareLink.meeting_id == meeting_id)
            .order_by(ShareLink.created_at.desc(), ShareLink.id)
        )
        return ShareList(shares=[_share_out(share) for share in session.scalars(chosen)])


@router.delete("/{share_id}", summary="End a share link", status_code=204)
def revoke(meeting_id: str, share_id: str, services: ServicesHere, principal: Writer) -> Response:
    """End a link at once. Ending it again changes nothing."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        share = None if "\0" in share_id else session.get(ShareLink, share_id)
        if share is None or share.meeting_id != meeting_id:
            raise NotFound(f"meeting '{meeting_id}' has no share link '{share_id[:40]}'; list them to see their ids")
        share.revoked_at = share.revoked_at or now()
    return Response(status_code=204)


def hash_of(token: str) -> str:
    """What is stored of a token. Tokens are long and random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _share_out(share: ShareLink) -> ShareOut:
    return ShareOut.model_validate(share, from_attributes=True)
