"""The base of all types in requests and answers, and those types that belong to no single feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from schema.core.lines import as_line, shown
from schema.core.states import Scope

ENGLISH = "en"
AUTO = "auto"
"""The language code that lets the model detect the language."""


# fmt: off
LANGUAGES = frozenset({
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el",
    "en", "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy",
    "id", "is", "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi",
    "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru",
    "sa", "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl",
    "tr", "tt", "uk", "ur", "uz", "vi", "yi", "yo", "yue", "zh",
})
# fmt: on


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _line(text: str) -> str:
    try:
        return as_line(text)
    except ValueError as error:
        raise PydanticCustomError("no_text", "{reason}", {"reason": str(error)}) from error


Text = Annotated[str, AfterValidator(_line)]
"""Text that people write, on one line; see `schema.core.lines`."""
Shown = Annotated[str, AfterValidator(shown)]
"""Text that people read. Rows of earlier versions may hold characters that `Text` refuses."""


@dataclass(frozen=True, slots=True)
class Characters:
    """How many characters a `Text` has in the form in which it is stored.

    Pydantic's own limits would count what validators leave as "items".
    """

    most: int
    least: int = 0

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, text: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        least = {"minLength": self.least} if self.least else {}
        return {**handler(text), **least, "maxLength": self.most}

    def _checked(self, text: str) -> str:
        if not self.least <= len(text) <= self.most:
            known = {"least": self.least, "most": self.most, "count": len(text)}
            bounds = "{least} to {most}" if self.least else "at most {most}"
            raise PydanticCustomError("characters", f"Give {bounds} characters, not {{count}}", known)
        return text


Term = Annotated[Text, Characters(60, least=1)]


def _known_language(code: str) -> str:
    if code not in LANGUAGES and code != AUTO:
        raise PydanticCustomError("unknown_language", "Give a language code such as 'en' or 'de', or 'auto'")
    return code


Language = Annotated[str, AfterValidator(_known_language)]
"""A language that some Whisper model knows. Without this check the audio would be accepted and fail in the worker."""


def _written_language(code: str) -> str:
    if code not in LANGUAGES:
        raise PydanticCustomError("unknown_language", "Give a language code such as 'en' or 'de'")
    return code


WrittenLanguage = Annotated[str, AfterValidator(_written_language)]
"""A language to write in."""


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @model_validator(mode="before")
    @classmethod
    def _no_boolean_as_number(cls, members: Any) -> Any:
        """Pydantic would read true and false as the numbers 1 and 0. It refuses them as text, and names the field."""
        if not isinstance(members, dict):
            return members
        return {name: str(value).lower() if cls._is_misread(name, value) else value for name, value in members.items()}

    @classmethod
    def _is_misread(cls, name: Any, value: object) -> bool:
        if not isinstance(value, bool) or name not in cls.model_fields:
            return False
        kinds = _kinds(cls.model_fields[name].annotation)
        return bool not in kinds and bool(kinds & {int, float})


def _kinds(annotation: Any) -> set[Any]:
    """The types that a union or `Annotated` consists of; else the type itself."""
    members = get_args(annotation)
    return set().union(*(_kinds(member) for member in members)) if members else {annotation}


class Problem(BaseModel):
    """Problem details as in RFC 9457. Extra members carry the values that belong to the error."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    retryable: bool = False


class PageSessionOut(Wire):
    """What the caller may do. Where `asks_for_key` is false, everybody who can reach the server may do everything.

    `audio_retention` says how long the server keeps the audio of meetings: `keep`, `after_minutes`, `days:N` or `off`.
    """

    asks_for_key: bool
    scopes: list[Scope]
    audio_retention: str


class PartStatus(Wire):
    """Whether one part of the system can be used, with an explanation."""

    ok: bool
    detail: str


class Readiness(Wire):
    ready: bool
    parts: dict[str, PartStatus]


class ShardStatus(Wire):
    shard: int
    waiting_tracks: int
    due_tracks: int
    leased_tracks: int
    pending_s: float


class QueueStatus(Wire):
    """Messages that wait in a Celery queue. In `summarize` each is a meeting that waits for its minutes.

    Workers take nothing from a `paused` queue until somebody resumes it.
    """

    queue: str
    waiting: int
    paused: bool = False
    oldest_s: float | None = Field(default=None, description="How long the oldest message has waited, if known")


class SystemStatus(Wire):
    """The load of the whole system. `pending_s` is the received audio that is not transcribed yet, of all meetings."""

    pending_s: float
    shards: list[ShardStatus]
    queues: list[QueueStatus]
    followed_meetings: int = Field(description="Meetings that clients follow through this API process")
