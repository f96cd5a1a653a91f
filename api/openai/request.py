"""Parses the form fields of a transcription request."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from api.meetings.validation import check_translation, served_language
from api.openai.errors import invalid_parameter
from api.openai.models import adapter_of_model
from schema.core.errors import UnknownLanguage
from schema.core.settings import Settings
from schema.core.wire import AUTO, LANGUAGES, Term
from schema.speakers.wish import NO_SPEAKERS

Fields = Mapping[str, Sequence[str]]
"""The values by field name. A list is sent as one field `NAME[]` per value."""

TERM_CHARACTERS = 60
TERMS = 100
LOGPROBS = "logprobs"
GRANULARITIES = ("segment", "word")
KNOWN_SPEAKERS = ("known_speaker_names", "known_speaker_references")
CHUNKING, CHUNKINGS = "chunking_strategy", ("auto", "server_vad")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}
_TERMS: TypeAdapter[list[str]] = TypeAdapter(list[Term])


class ResponseFormat(StrEnum):
    """`response_format`."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A parsed request. `temperature` is checked but ignored: decoding begins at 0 and rises where it fails."""

    adapter: str | None
    language: str
    vocabulary: tuple[str, ...]
    form: ResponseFormat
    granularities: frozenset[str]
    logprobs: bool
    stream: bool
    translate: bool = False

    @property
    def diarized(self) -> bool:
        """Whether the speakers are told apart."""
        return self.form == ResponseFormat.DIARIZED_JSON


def parse_request(
    session: Session, fields: Fields, config: Settings, *, translate: bool = False
) -> TranscriptionRequest:
    """Unknown fields are ignored. Raises InvalidInput, NotFound, UnknownLanguage, each with its `param`."""
    served_model = config.asr_model
    if translate:
        check_translation(served_model)
    _check_known_speakers(fields)
    _check_chunking(fields)
    _check_temperature(_last_value(fields, "temperature"))
    return TranscriptionRequest(
        adapter=adapter_of_model(session, _last_value(fields, "model") or served_model, config),
        language=spoken_language(_last_value(fields, "language"), served_model),
        vocabulary=vocabulary_of(_last_value(fields, "prompt") or "", _all_values(fields, "keywords")),
        form=_format(_last_value(fields, "response_format"), config, translate=translate),
        granularities=_granularities(_all_values(fields, "timestamp_granularities")),
        logprobs=LOGPROBS in _all_values(fields, "include"),
        stream=_boolean("stream", _last_value(fields, "stream") or ""),
        translate=translate,
    )


def spoken_language(code: str | None, served_model: str) -> str:
    """The language to transcribe: *code*; without it the model decides. Raises InvalidInput, UnknownLanguage.

    Clients also send tags with a region, such as `en-US`; the region is ignored.
    """
    known = re.split("[-_]", (code or "").strip().lower())[0] or AUTO
    if known not in LANGUAGES and known != AUTO:
        raise invalid_parameter(
            "language", f"language '{(code or '')[:20]}' is not known; give its ISO-639-1 code, such as 'en' or 'de'"
        )
    try:
        return served_language(known, served_model)
    except UnknownLanguage as error:
        raise UnknownLanguage(error.detail, param="language") from error


def vocabulary_of(prompt: str, keywords: Iterable[str] = ()) -> tuple[str, ...]:
    """The terms of a prompt and of keywords. If there are too many, the last ones count, as in Whisper.

    Raises InvalidInput for text that cannot be stored.
    """
    pieces = [*re.split(r"[,;:.!?\n]+", prompt), *keywords]
    terms = [term for piece in pieces for term in textwrap.wrap(piece, TERM_CHARACTERS)]
    try:
        return tuple(_TERMS.validate_python(terms[-TERMS:]))
    except ValidationError as error:
        raise invalid_parameter(
            "prompt", f"prompt cannot be used: {error.errors(include_url=False)[0]['msg']}"
        ) from error


def _last_value(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    return values[-1] if values else None


def _all_values(fields: Fields, name: str) -> list[str]:
    return [*fields.get(name, ()), *fields.get(f"{name}[]", ())]


def _format(value: str | None, config: Settings, *, translate: bool) -> ResponseFormat:
    try:
        form = ResponseFormat(value or ResponseFormat.JSON)
    except ValueError as error:
        known = ", ".join(ResponseFormat)
        detail = f"response_format '{(value or '')[:40]}' is not supported; use one of {known}"
        raise invalid_parameter("response_format", detail) from error
    if form == ResponseFormat.DIARIZED_JSON:
        _check_diarization(form, config, translate=translate)
    return form


def _check_diarization(form: ResponseFormat, config: Settings, *, translate: bool) -> None:
    if translate:
        detail = f"a translation has no response_format '{form}'; use 'verbose_json', or transcribe the recording"
        raise invalid_parameter("response_format", detail)
    if config.voices == NO_SPEAKERS:
        detail = (
            f"response_format '{form}': this server does not tell speakers apart by their voices "
            "(MINUTEBOOK_SPEAKERS=off); set MINUTEBOOK_SPEAKERS, or record each speaker on a channel and send the file "
            "to POST /v1/uploads with channels=speakers, whose transcript names the speakers"
        )
        raise invalid_parameter("response_format", detail)


def _granularities(values: Sequence[str]) -> frozenset[str]:
    unknown = next((value for value in values if value not in GRANULARITIES), None)
    if unknown is not None:
        detail = f"timestamp_granularities has '{unknown[:40]}'; use 'word', 'segment', or both"
        raise invalid_parameter("timestamp_granularities", detail)
    return frozenset(values or ("segment",))


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in _BOOLEANS:
        raise invalid_parameter(name, f"{name} is '{value[:40]}'; use true or false")
    return _BOOLEANS[value.lower()]


def _check_temperature(value: str | None) -> None:
    try:
        fits = 0 <= float(value or 0) <= 1
    except ValueError:
        fits = False
    if not fits:
        raise invalid_parameter("temperature", f"temperature is '{(value or '')[:40]}'; give a number from 0 to 1")


def _check_known_speakers(fields: Fields) -> None:
    given = next((name for name in KNOWN_SPEAKERS if _all_values(fields, name)), None)
    if given is not None:
        detail = (
            f"{given}: voices are not compared with samples, so leave it out; with response_format 'diarized_json' the "
            "speakers are 'A', 'B' and so on"
        )
        raise invalid_parameter(given, detail)


def _check_chunking(fields: Fields) -> None:
    """Recordings are cut at pauses anyway. So `auto` and `server_vad` are right, and its numbers change nothing."""
    value = _last_value(fields, CHUNKING) or _last_value(fields, f"{CHUNKING}[type]") or CHUNKINGS[0]
    if value not in CHUNKINGS and '"server_vad"' not in value:  # an object in a field of text
        detail = f"chunking_strategy is '{value[:40]}'; use 'auto', or an object with the type 'server_vad'"
        raise invalid_parameter(CHUNKING, detail)
