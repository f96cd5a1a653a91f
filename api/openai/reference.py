"""What the API reference says about OpenAI's routes: their form, the forms of their answers, and their errors."""

from __future__ import annotations

from typing import Any, Literal

from schema.core.wire import Wire
from schema.meetings.wire import CoverageTotals


class TranscribedWord(Wire):
    word: str
    start: float
    end: float


class TranscribedSegment(Wire):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class DiarizedSegment(Wire):
    """A passage of one speaker in `diarized_json`."""

    id: str
    type: Literal["transcript.text.segment"]
    start: float
    end: float
    speaker: str
    text: str


class WordLogprob(Wire):
    token: str
    bytes: list[int]
    logprob: float


class AudioUsage(Wire):
    type: Literal["duration"]
    seconds: float


class TranscriptionAnswer(Wire):
    """The text of a recording. `logprobs` is there if it was included, the members after it in `verbose_json`,
    and some of them in `diarized_json`.
    """

    text: str
    usage: AudioUsage
    logprobs: list[WordLogprob] | None = None
    task: Literal["transcribe", "translate"] | None = None
    language: str | None = None
    duration: float | None = None
    segments: list[TranscribedSegment] | list[DiarizedSegment] | None = None
    words: list[TranscribedWord] | None = None
    coverage: CoverageTotals | None = None


class OpenAiErrorBody(Wire):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiError(Wire):
    """An error in OpenAI's form."""

    error: OpenAiErrorBody


TAG = "openai"
MODEL = {"id": "package:tiny.en", "object": "model", "created": 0, "owned_by": "minutebook"}
_TEXT = "We move the launch."
_USAGE = {"type": "duration", "seconds": 2.1}
_TEXTS = {"type": "array", "items": {"type": "string"}}


def _object(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


_OPTIONS: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "description": "One of GET /v1/models; by default the served model"},
    "language": {"type": "string", "description": "ISO 639-1 code; by default the model detects the language"},
    "prompt": {"type": "string", "description": "Terms and names that occur in the recording"},
    "keywords[]": _TEXTS,
    "response_format": {
        "type": "string",
        "enum": ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"],
        "default": "json",
    },
    "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": ["word", "segment"]}},
    "include[]": {"type": "array", "items": {"type": "string", "enum": ["logprobs"]}},
    "chunking_strategy": {"type": "string", "enum": ["auto", "server_vad"], "default": "auto"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    "stream": {"type": "boolean", "default": False},
}
_JSON_OPTIONS = {name.removesuffix("[]"): option for name, option in _OPTIONS.items()}
_RECORDING = {"type": "string", "format": "binary"}
_INPUT_AUDIO = _object(("data",), data={"type": "string", "description": "base64"}, format={"type": "string"})
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _object(("file",), file=_RECORDING, **_OPTIONS)},
        "application/json": {"schema": _object(("input_audio",), input_audio=_INPUT_AUDIO, **_JSON_OPTIONS)},
    },
}
_PLAIN = {"type": "string"}
_EVENTS = f'data: {{"type":"transcript.text.delta","delta":"{_TEXT}"}}\n\n'
_ANSWERS = {
    "application/json": {"example": {"text": _TEXT, "usage": _USAGE}},
    "text/plain; charset=utf-8": {"schema": _PLAIN, "example": f"{_TEXT}\n"},
    "application/x-subrip; charset=utf-8": {
        "schema": _PLAIN,
        "example": f"1\n00:00:00,500 --> 00:00:02,100\n{_TEXT}\n",
    },
    "text/vtt; charset=utf-8": {"schema": _PLAIN, "example": f"WEBVTT\n\n00:00.500 --> 00:02.100\n{_TEXT}\n"},
    "text/event-stream": {"schema": _PLAIN, "example": _EVENTS},
}
RECORDING: dict[str, Any] = {
    "openapi_extra": {"requestBody": _BODY},
    "responses": {
        200: {
            "description": "The text, in the form of `response_format`",
            "model": TranscriptionAnswer,
            "content": _ANSWERS,
        }
    },
}
"""Arguments of a route that takes a recording."""


def _error(description: str, kind: str, code: str) -> dict[str, Any]:
    error = {"message": "What is wrong, and what to do", "type": kind, "param": "model", "code": code}
    return {
        "description": description,
        "model": OpenAiError,
        "content": {"application/json": {"example": {"error": error}}},
    }


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": _error("The request cannot be served as it is", "invalid_request_error", "model_not_found"),
    "5XX": _error("The server failed or is busy", "server_error", "unavailable"),
}
"""OpenAPI's `responses` for every error, which has OpenAI's form."""


def example(answer: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a successful answer, with an example."""
    return {200: {"content": {"application/json": {"example": answer}}}}
