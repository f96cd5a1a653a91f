"""Routes that process a meeting again with other settings, and list and choose its versions."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.corrections import examples as shown
from api.http.examples import MEETING, response
from api.http.problems import responses
from api.meetings.routes import ANY, meeting_out, meetings_out
from api.meetings.validation import check_adapters, check_model, check_template, served_language
from api.services import Services, ServicesHere
from schema.core.errors import (
    AudioNotKept,
    Backlogged,
    Conflict,
    Gone,
    InvalidInput,
    NotFound,
    Unavailable,
    UnknownAdapter,
    UnknownLanguage,
    UnknownModel,
)
from schema.corrections.wire import MeetingVersions, Reprocessed, Reprocessing, ReprocessPart
from schema.meetings.tables import Meeting
from schema.meetings.versions import (
    VersionOptions,
    add_version,
    check_finished,
    recording_of,
    redo_minutes,
    show_version,
    versions_of,
)
from schema.meetings.wire import MeetingOut
from schema.minutes.briefing import Briefing
from schema.speakers.wish import listening
from schema.uploads.lifecycle import file_id_of

FIELDS_OF_MINUTES = frozenset({"part", "summary_adapter", "summary_model", "minutes_language", "template"})
REFUSALS = (
    Conflict,
    AudioNotKept,
    UnknownModel,
    UnknownAdapter,
    UnknownLanguage,
    Backlogged,
    Unavailable,
    InvalidInput,
)

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["versions"], responses=responses(*ANY, NotFound, Gone))


@router.post(
    "/reprocess",
    summary="Process a meeting again",
    status_code=202,
    responses={**responses(*REFUSALS), **response(shown.REPROCESSED, 202)},
)
def reprocess(meeting_id: str, wanted: Reprocessing, services: ServicesHere, principal: Writer) -> Reprocessed:
    """Process a finished meeting again: the transcript and then its minutes, or only the minutes.

    A new transcript is made from the uploaded file, or from the audio of a live meeting, if that is still stored. It
    becomes a meeting of its own: a version beside the present one. Corrections are carried over. Lists and search show
    the new version once it is finished.

    New minutes belong to the same meeting, as a version beside the earlier ones.
    """
    part = _part(wanted)
    check_model("asr_model", wanted.asr_model, services.config.asr_model, "MINUTEBOOK_ASR_MODEL")
    check_model("summary_model", wanted.summary_model, services.config.summary_model, "MINUTEBOOK_SUMMARY_MODEL")
    check_template(wanted.template, services.config)
    with services.database.read() as session:
        source = find_meeting(session, meeting_id, principal)
    if part == ReprocessPart.MINUTES:
        return _minutes_again(services, source, wanted)
    return _read_again(services, source, wanted)


@router.get("/versions", summary="List the versions of a meeting", responses=response(shown.MEETING_VERSIONS))
def list_versions(meeting_id: str, services: ServicesHere, principal: Reader) -> MeetingVersions:
    """List all versions of a meeting, given any of them. Each version is a meeting with an id of its own."""
    with services.database.read() as session:
        found = versions_of(session, find_meeting(session, meeting_id, principal))
        return MeetingVersions(versions=meetings_out(session, services.stores.mailbox, found))


@router.post(
    "/show", summary="Show this version in lists and search", responses={**responses(Conflict), **response(MEETING)}
)
def show(meeting_id: str, services: ServicesHere, principal: Writer) -> MeetingOut:
    """Let lists and search show this version of the meeting instead of another."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        show_version(session, meeting_id)
    with services.database.read() as session:
        return meeting_out(session, services.stores.mailbox, find_meeting(session, meeting_id, principal))


def _part(wanted: Reprocessing) -> ReprocessPart:
    """The part to make again. Raises InvalidInput."""
    given = wanted.model_fields_set
    if not given:
        raise InvalidInput(
            "nothing would change; give an adapter, language, vocabulary, speakers, minutes_language or template, "
            "or the part ('transcript' or 'minutes') to make again with the same settings"
        )
    of_transcript = sorted(given - FIELDS_OF_MINUTES)
    if wanted.part == ReprocessPart.MINUTES and of_transcript:
        raise InvalidInput(
            f"'{of_transcript[0]}' changes the transcript, but part 'minutes' does not; leave one of them out"
        )
    return wanted.part or (ReprocessPart.TRANSCRIPT if of_transcript else ReprocessPart.MINUTES)


def _minutes_again(services: Services, source: Meeting, wanted: Reprocessing) -> Reprocessed:
    adapter = _adapter(wanted, source, "summary_adapter")
    with services.database.write() as session:
        check_adapters(session, None, adapter)
        version = redo_minutes(session, source.id, adapter, _briefing(wanted, source))
    with services.database.read() as session:
        meeting = meeting_out(session, services.stores.mailbox, session.get_one(Meeting, source.id))
    return Reprocessed(part=ReprocessPart.MINUTES, meeting=meeting, minutes_version=version)


def _read_again(services: Services, source: Meeting, wanted: Reprocessing) -> Reprocessed:
    config = services.config
    how = VersionOptions(
        language=served_language(wanted.language or source.language, config.asr_model),
        briefing=_briefing(wanted, source),
        asr_adapter=_adapter(wanted, source, "asr_adapter"),
        summary_adapter=_adapter(wanted, source, "summary_adapter"),
        speakers=listening(wanted.speakers, config.voices) if wanted.speakers else source.speakers,
    )
    _check_kept(services, source)
    with services.database.write() as session:
        check_adapters(session, how.asr_adapter, how.summary_adapter)
        upload = add_version(
            session, source.id, how, expires_s=config.upload_expires_s, open_limit=config.uploads_open_limit
        )
    services.task_sender.ingest(upload.id)
    with services.database.read() as session:
        made = session.get_one(Meeting, upload.meeting_id)
        meeting = meeting_out(session, services.stores.mailbox, made)
    return Reprocessed(part=ReprocessPart.TRANSCRIPT, meeting=meeting, minutes_version=1, upload_id=upload.id)


def _briefing(wanted: Reprocessing, source: Meeting) -> Briefing:
    """The meeting's briefing, with what *wanted* changes of it."""
    given = wanted.model_dump(include={"vocabulary", "minutes_language", "template"}, exclude_unset=True)
    if given.get("vocabulary", ()) is None:
        del given["vocabulary"]
    return source.briefing.model_copy(update=given)


def _check_kept(services: Services, source: Meeting) -> None:
    """Raises Conflict, AudioNotKept, and Unavailable if the storage does not answer."""
    with services.database.read() as session:
        check_finished(source)
        recording = recording_of(session, source)
    if recording is None:
        return
    try:
        services.stores.files.open(file_id_of(recording)).close()
    except NotFound as error:
        raise AudioNotKept(
            f"the file of meeting '{source.id}' is no longer stored; upload the recording to transcribe it again"
        ) from error


def _adapter(wanted: Reprocessing, source: Meeting, field: str) -> str | None:
    """The adapter to use: null means none, a field that is left out means the present one."""
    chosen: str | None = getattr(wanted if field in wanted.model_fields_set else source, field)
    return chosen
