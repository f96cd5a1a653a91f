"""What a request for a transcription asks, read from the fields of its form."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from api.meetings.validation import check_language
from api.openai.errors import invalid
from api.openai.models import adapter_named
from schema.core.errors import InvalidInput, UnknownLanguage
from schema.core.wire import AUTO, LANGUAGES, Term

Fields = Mapping[str, Sequence[str]]
"""Values by the field's name; a list is sent as a field for each of its values, `NAME[]`."""

TERM_CHARACTERS = 60
TERMS = 100
WHISPER_LOGPROBS = "logprobs"
GRANULARITIES = ("segment", "word")
SPEAKERS = ("known_speaker_names", "known_speaker_references")
_TRUE = {"true": True, "1": True, "false": False, "0": False, "": False}
_TERMS: TypeAdapter[list[str]] = TypeAdapter(list[Term])


class ResponseFormat(StrEnum):
    """`response_format`."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """`temperature` is checked and not kept: a window is read at 0 first, and warmer where the reading fails."""

    adapter: str | None
    language: str
    vocabulary: tuple[str, ...]
    form: ResponseFormat
    granularities: frozenset[str]
    stream: bool


def read_wanted(session: Session, fields: Fields, served_model: str) -> TranscriptionRequest:
    """Raises InvalidInput, NotFound, UnknownLanguage, each with its `param`. Unknown fields are passed over."""
    _check_speakers(fields)
    _check_temperature(_one(fields, "temperature"))
    return TranscriptionRequest(
        adapter=adapter_named(session, _one(fields, "model") or served_model, served_model),
        language=spoken_language(_one(fields, "language"), served_model),
        vocabulary=vocabulary_of(_one(fields, "prompt") or "", _many(fields, "keywords")),
        form=_format(_one(fields, "response_format")),
        granularities=_granularities(_many(fields, "timestamp_granularities")),
        stream=_flag("stream", _one(fields, "stream") or ""),
    )


def spoken_language(code: str | None, served_model: str) -> str:
    """The language to hear: *code*, or what the model can find out by itself. Raises InvalidInput, UnknownLanguage."""
    if not code:
        return "en" if served_model.endswith(".en") else AUTO
    if code.lower() not in LANGUAGES:
        raise invalid("language", f"language '{code[:20]}' is not known; give its ISO-639-1 code, such as 'en' or 'de'")
    try:
        check_language(code.lower(), served_model)
    except UnknownLanguage as error:
        raise UnknownLanguage(error.detail, param="language") from error
    return code.lower()


def vocabulary_of(prompt: str, keywords: Iterable[str] = ()) -> tuple[str, ...]:
    """The terms that a prompt names. As in Whisper its end counts, when it is longer than what is kept.

    Raises InvalidInput for what cannot be stored.
    """
    pieces = [*re.split(r"[,;:.!?\n]+", prompt), *keywords]
    terms = [term for piece in pieces for term in textwrap.wrap(piece, TERM_CHARACTERS)]
    try:
        return tuple(_TERMS.validate_python(terms[-TERMS:]))
    except ValidationError as error:
        raise invalid("prompt", f"prompt cannot be taken: {error.errors(include_url=False)[0]['msg']}") from error


def _one(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    return values[-1] if values else None


def _many(fields: Fields, name: str) -> list[str]:
    return [*fields.get(name, ()), *fields.get(f"{name}[]", ())]


def _format(value: str | None) -> ResponseFormat:
    try:
        return ResponseFormat(value or ResponseFormat.JSON)
    except ValueError as error:
        known = ", ".join(ResponseFormat)
        detail = f"response_format '{(value or '')[:40]}' is not served; use one of {known}"
        raise invalid("response_format", detail) from error


def _granularities(values: Sequence[str]) -> frozenset[str]:
    unknown = next((value for value in values if value not in GRANULARITIES), None)
    if unknown is not None:
        detail = f"timestamp_granularities has '{unknown[:40]}'; use 'word', 'segment', or both"
        raise invalid("timestamp_granularities", detail)
    return frozenset(values or ("segment",))


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _TRUE:
        raise invalid(name, f"{name} is '{value[:40]}'; use true or false")
    return _TRUE[value.lower()]


def _check_temperature(value: str | None) -> None:
    try:
        fits = 0 <= float(value or 0) <= 1
    except ValueError:
        fits = False
    if not fits:
        raise invalid("temperature", f"temperature is '{(value or '')[:40]}'; give a number from 0 to 1")


def _check_speakers(fields: Fields) -> None:
    if WHISPER_LOGPROBS in _many(fields, "include"):
        raise invalid("include", "include 'logprobs' is not served; leave it out: verbose_json has avg_logprob")
    asked = next((name for name in SPEAKERS if _many(fields, name)), None)
    if asked is not None:
        raise _no_speakers(asked)


def _no_speakers(param: str) -> InvalidInput:
    detail = (
        f"{param}: speakers are not told apart by their voices; leave it out, or record each on a channel and send the "
        "file to POST /v1/uploads with channels=speakers"
    )
    return invalid(param, detail)
