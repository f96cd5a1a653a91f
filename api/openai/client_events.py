"""What a realtime session is set to, and what its client may send, in the current spelling and the one before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api.openai.errors import invalid
from schema.core.errors import DecodeError

FORMAT = "audio/pcm"
RATE_HZ = 24_000
BETA_FORMAT = "pcm16"
LONGEST_SILENCE_MS = 60_000


class Given(BaseModel):
    """What a client sends. What has no meaning here, such as noise reduction, is passed over."""

    model_config = ConfigDict(extra="ignore")


class Transcription(Given):
    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    keywords: list[str] = Field(default_factory=list)


class TurnDetection(Given):
    """`semantic_vad` is taken for `server_vad`: turns end by silence here."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = Field(default=0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(default=300, ge=0, le=LONGEST_SILENCE_MS)
    silence_duration_ms: int = Field(default=500, ge=100, le=LONGEST_SILENCE_MS)


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
_SENDABLE = "session.update and input_audio_buffer.append, .commit and .clear"


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """`turns` None: the client says where an item ends."""

    transcription: Transcription
    turns: TurnDetection | None

    def updated(self, event: Update | BetaUpdate) -> SessionConfig:
        """With what *event* names; the rest stays. Raises InvalidInput."""
        if isinstance(event, BetaUpdate):
            _check_format("session.input_audio_format", event.session.input_audio_format, BETA_FORMAT)
            return self._with(event.session, "input_audio_transcription")
        if event.session.type != "transcription":
            detail = f"session.type is '{event.session.type[:40]}'; only 'transcription' sessions are served"
            raise invalid("session.type", detail)
        given = event.session.audio.input
        if given.format is not None:
            _check_format("session.audio.input.format.type", given.format.type, FORMAT)
            _check_format("session.audio.input.format.rate", str(given.format.rate), str(RATE_HZ))
        return self._with(given, "transcription")

    def _with(self, given: AudioInput | BetaFields, transcription: str) -> SessionConfig:
        named: Transcription | None = getattr(given, transcription)
        changed = replace(self, turns=given.turn_detection) if "turn_detection" in given.model_fields_set else self
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
                    "turn_detection": self.turns.model_dump() if self.turns else None,
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
            "turn_detection": self.turns.model_dump() if self.turns else None,
        }


def decode_event(message: str) -> ClientEvent:
    """Raises DecodeError naming the field at fault."""
    try:
        return _EVENT.validate_json(message)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        value = repr(fault.get("input"))[:80]
        raise DecodeError(f"{where or 'the event'} = {value}: {fault['msg']}; send {_SENDABLE}", param=where) from error


def _check_format(param: str, value: str, served: str) -> None:
    if value != served:
        raise invalid(param, f"{param} is '{value[:40]}'; only '{served}' is served: PCM16, {RATE_HZ} Hz, mono")
