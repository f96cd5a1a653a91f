"""Routes that correct sentences of the final minutes, and show their history."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Response
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.corrections import examples as shown
from api.http.examples import response
from api.http.params import IfMatch, etag_of, expected_version
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import Conflict, Gone, InvalidInput, NotFound, VersionMismatch
from schema.core.events import publish
from schema.core.states import Origin
from schema.corrections.segments import QUIET_MS, quiet_key
from schema.corrections.sentence_wire import SentenceChange, SentenceOut, SentenceVersion, SentenceVersions
from schema.corrections.sentences import (
    FoundSentence,
    SentenceContent,
    SentenceCorrection,
    correct_sentence,
    find_sentence,
    sentence_versions,
    undo_sentence,
)
from schema.meetings.views import minutes_event
from schema.minutes.minutes import Action, MinutesPart

SentenceId = Annotated[str, Path(pattern=r"^s[0-9a-f]{12}$", description="The id in the minutes")]

router = APIRouter(
    prefix="/v1/meetings/{meeting_id}/minutes/sentences/{sentence_id}",
    tags=["corrections"],
    responses=responses(*ANY, NotFound, Gone, Conflict),
)


@router.get("", summary="Show a sentence", responses=response(shown.SENTENCE))
def show(
    meeting_id: str, sentence_id: SentenceId, services: ServicesHere, principal: Reader, answer: Response
) -> SentenceOut:
    """Show one sentence of the final minutes, and the version to send with a change."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = find_sentence(session, meeting_id, sentence_id)
    return _tagged(answer, found)


@router.patch(
    "",
    summary="Correct a sentence",
    responses={**responses(VersionMismatch, InvalidInput), **response(shown.CORRECTED_SENTENCE)},
)
def change(
    meeting_id: str,
    sentence_id: SentenceId,
    wanted: SentenceChange,
    services: ServicesHere,
    principal: Writer,
    answer: Response,
    if_match: IfMatch = None,
) -> SentenceOut:
    """Correct a sentence of the final minutes; for an action also its owner and due date.

    The minutes and their exports have the correction at once, wherever the sentence occurs, and followers receive the
    minutes again. A few seconds after the last correction the minutes are written again. They keep the correction, and
    its support is computed. The original and all versions are kept. A request that changes nothing adds no version, so
    you may repeat it.
    """
    fields: dict[str, str | None] = {name: getattr(wanted, name) or None for name in wanted.model_fields_set}
    if not fields:
        raise InvalidInput("nothing would change; give 'text', or for an action 'owner' or 'due'")
    if "text" in fields:
        fields["text"] = wanted.text
    expected = expected_version(if_match)

    def work(session: Session) -> FoundSentence:
        return correct_sentence(session, meeting_id, sentence_id, fields, principal.owner, expected)

    return _tagged(answer, _written(services, principal, meeting_id, work))


@router.delete(
    "/correction",
    summary="Undo the corrections of a sentence",
    responses={**responses(VersionMismatch), **response(shown.SENTENCE)},
)
def restore(
    meeting_id: str,
    sentence_id: SentenceId,
    services: ServicesHere,
    principal: Writer,
    answer: Response,
    if_match: IfMatch = None,
) -> SentenceOut:
    """Restore what the summariser wrote, as another version. Restoring again changes nothing."""
    expected = expected_version(if_match)

    def work(session: Session) -> FoundSentence:
        return undo_sentence(session, meeting_id, sentence_id, principal.owner, expected)

    return _tagged(answer, _written(services, principal, meeting_id, work))


@router.get("/versions", summary="List the versions of a sentence", responses=response(shown.SENTENCE_VERSIONS))
def versions(meeting_id: str, sentence_id: SentenceId, services: ServicesHere, principal: Reader) -> SentenceVersions:
    """List all versions of a sentence, from what the summariser wrote to the present one."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = find_sentence(session, meeting_id, sentence_id)
        changes = sentence_versions(session, meeting_id, sentence_id)
    first = _version_out(1, changes[0].original if changes else found.written)
    first.model = found.summary.model
    return SentenceVersions(sentence_id=sentence_id, versions=[first, *map(_changed_out, changes)])


def _written(
    services: Services, principal: Principal, meeting_id: str, work: Callable[[Session], FoundSentence]
) -> FoundSentence:
    """Do *work* in one transaction, and publish the minutes to followers."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        found = work(session)
        event = minutes_event(session, found.summary)
    with suppress(RedisError):  # without Redis, the minutes are written again a little sooner, which does no harm
        services.stores.redis.set(quiet_key(meeting_id), 1, px=QUIET_MS)
    publish(services.stores.redis, meeting_id, [event])
    return found


def _tagged(answer: Response, found: FoundSentence) -> SentenceOut:
    item, written = found.item, found.written
    answer.headers["ETag"] = etag_of(item.version)
    return SentenceOut(
        id=item.id,
        part=MinutesPart(found.part),
        text=written.text,
        owner=written.owner,
        due=written.due,
        due_on=item.due_on if isinstance(item, Action) else None,
        evidence=list(item.evidence),
        support=item.support,
        supported=item.supported,
        version=item.version,
        corrected=item.corrected,
    )


def _version_out(version: int, written: SentenceContent) -> SentenceVersion:
    return SentenceVersion(version=version, text=written.text, owner=written.owner, due=written.due)


def _changed_out(change: SentenceCorrection) -> SentenceVersion:
    shown_now = _version_out(change.version, change.written)
    told = {"author": change.author, "origin": Origin(change.origin), "created_at": change.created_at}
    return shown_now.model_copy(update=told)
