"""The settings of a realtime session, and the events that its client may send, in the current and the beta form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from api.openai.errors import invalid_parameter
from schema.core.errors import DecodeError
from schema.core.wire import Wire

FORMAT = "audio/pcm"
RATE_HZ = 24_000
BETA_FORMAT = "pcm16"
SILENCE_LIMIT_MS = 60_000
COMMAS_LIMIT = 10_000
"""The largest events are audio in base64, which has no commas."""


class Given(Wire):
    """Sent by a client. Fields without a meaning here, such as noise reduction, are ignored."""

    model_config = ConfigDict(extra="ignore")


class Transcription(Given):
    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    keywords: list[str] = Field(default_factory=list)


class TurnDetection(Given):
    """`semantic_vad` means the same as `server_vad`: silence ends a turn."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = Field(default=0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(default=300, ge=0, le=SILENCE_LIMIT_MS)
    silence_duration_ms: int = Field(default=500, ge=100, le=SILENCE_LIMIT_MS)


class AudioFormat(Given):
    type: str = FORMAT
    rate: int = RATE_HZ


class AudioInput(Given):
    format: AudioFormat | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None


class Audio(Given):
    input: AudioInput = AudioInput()


class SessionFields(Given):
    type: str = "transcription"
    audio: Audio = Audio()


class BetaFields(Given):
    input_audio_format: str = BETA_FORMAT
    input_audio_transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None


class Update(Given):
    type: Literal["session.update"]
    event_id: str | None = None
    session: SessionFields


class BetaUpdate(Given):
    type: Literal["transcription_session.update"]
    event_id: str | None = None
    session: BetaFields


class Append(Given):
    type: Literal["input_audio_buffer.append"]
    event_id: str | None = None
    audio: str


class Buffer(Given):
    type: Literal["input_audio_buffer.commit", "input_audio_buffer.clear"]
    event_id: str | None = None


ClientEvent = Update | BetaUpdate | Append | Buffer
_EVENT: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])
_ACCEPTED_EVENTS = "session.update and input_audio_buffer.append, .commit and .clear"


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The settings of a session. Without `turn_detection` the client decides where an item ends."""

    transcription: Transcription
    turn_detection: TurnDetection | None

    def updated(self, event: Update | BetaUpdate) -> SessionConfig:
        """The settings with the changes that *event* names. Raises InvalidInput."""
        if isinstance(event, BetaUpdate):
            _check_format("session.input_audio_format", event.session.input_audio_format, BETA_FORMAT)
            return self._with(event.session, "input_audio_transcription")
        if event.session.type != "transcription":
            detail = f"session.type is '{event.session.type[:40]}'; only 'transcription' sessions are served"
            raise invalid_parameter("session.type", detail)
        given = event.session.audio.input
        if given.format is not None:
            _check_format("session.audio.input.format.type", given.format.type, FORMAT)
            _check_format("session.audio.input.format.rate", str(given.format.rate), str(RATE_HZ))
        return self._with(given, "transcription")

    def _with(self, given: AudioInput | BetaFields, transcription: str) -> SessionConfig:
        named: Transcription | None = getattr(given, transcription)
        changed = (
            replace(self, turn_detection=given.turn_detection) if "turn_detection" in given.model_fields_set else self
        )
        if named is None:
            return changed
        merged = self.transcription.model_copy(update=named.model_dump(exclude_unset=True))
        return replace(changed, transcription=merged)

    def as_session(self, session_id: str) -> dict[str, Any]:
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": FORMAT, "rate": RATE_HZ},
                    "noise_reduction": None,
                    "transcription": self.transcription.model_dump(),
                    "turn_detection": self.turn_detection.model_dump() if self.turn_detection else None,
                }
            },
            "include": None,
        }

    def as_beta_session(self, session_id: str) -> dict[str, Any]:
        return {
            "id": session_id,
            "object": "realtime.transcription_session",
            "input_audio_format": BETA_FORMAT,
            "input_audio_transcription": self.transcription.model_dump(),
            "turn_detection": self.turn_detection.model_dump() if self.turn_detection else None,
        }


def decode_event(message: str) -> ClientEvent:
    """Raises DecodeError that names the invalid field."""
    if message.count(",") > COMMAS_LIMIT:  # to check a message of a million values would hold up every other request
        raise DecodeError(f"the event has more than {COMMAS_LIMIT} commas; send smaller events")
    try:
        return _EVENT.validate_json(message)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        value = repr(fault.get("input"))[:80]
        raise DecodeError(
            f"{where or 'the event'} = {value}: {fault['msg']}; send {_ACCEPTED_EVENTS}", param=where
        ) from error


def _check_format(param: str, value: str, served: str) -> None:
    if value != served:
        raise invalid_parameter(
            param, f"{param} is '{value[:40]}'; only '{served}' is served: PCM16, {RATE_HZ} Hz, mono"
        )
