"""The base of what crosses the doors, and the types that belong to no single feature."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

AUTO = "auto"
"""The model listens which language it is."""


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


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_in_text", "Leave the NUL character out; not every database keeps it")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_storable)]


Term = Annotated[Text, StringConstraints(min_length=1, max_length=60)]


def _known_language(code: str) -> str:
    if code not in LANGUAGES and code != AUTO:
        raise PydanticCustomError("unknown_language", "Give the code of a language, such as 'en' or 'de', or 'auto'")
    return code


Language = Annotated[str, AfterValidator(_known_language)]
"""One that some Whisper model knows. Without this check its audio would be taken, and fail in the worker."""


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Problem(BaseModel):
    """RFC 9457 problem details; further members carry the values that belong to the error."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    retryable: bool = False


class PartStatus(Wire):
    """A part of the system and whether it can be used."""

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


class SystemStatus(Wire):
    """`pending_s` is audio received and not yet transcribed, of all meetings together."""

    pending_s: float
    shards: list[ShardStatus]
    followed_meetings: int = Field(description="Meetings that somebody follows at this API process")
