"""The sound streams of a file, and the choice of those that are read."""

from __future__ import annotations

from dataclasses import dataclass

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from schema.core.states import ALL_STREAMS, AUTO_STREAMS
from schema.uploads.failures import UploadFailure
from workers.ingest.messages import DecodingFailed
from workers.ingest.sound import check_rate

CHANNELS_LIMIT = 128
"""Channels of all chosen streams together."""
ENCRYPTED_TAGS = frozenset({"enca", "drms"})
"""Codec tags of encrypted sound in MP4 files, for files in which FFmpeg does not report it for each packet."""
ASIDE = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.karaoke
"""Streams that are not the sound itself but something beside it."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A sound stream of a file. `number` counts the sound streams from 1. `read` tells whether it is transcribed."""

    number: int
    codec: str | None
    rate_hz: int
    channels: int
    language: str | None
    title: str | None
    read: bool


def chosen_streams(container: InputContainer, wanted: str) -> list[AudioStream]:
    """Return the sound streams to read. *wanted* is `auto`, `all`, or numbers separated by commas.

    `auto` leaves out comments, descriptions for blind people, and other languages than that of the stream which a
    player would choose. Raises DecodingFailed.
    """
    there = container.streams.audio
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        what = "video" if container.streams.video else "file"
        raise DecodingFailed(UploadFailure.NO_AUDIO, f"the {what} has no sound; send one with sound")
    if wanted == AUTO_STREAMS:
        chosen = [each for each in there if each == best or _belongs(each, best)]
    elif wanted == ALL_STREAMS:
        chosen = [each for each in there if is_readable(each)]
    else:
        chosen = [_numbered(there, int(number)) for number in sorted(set(wanted.split(",")), key=int)]
    _check(chosen)
    return chosen


def is_readable(stream: AudioStream) -> bool:
    """Whether FFmpeg can decode the stream."""
    return stream.codec_context is not None and bool(stream.codec_context.layout.channels)


def facts_of_streams(container: InputContainer, chosen: list[AudioStream]) -> list[StreamFacts]:
    return [
        StreamFacts(
            number=number,
            codec=stream.codec_context.name if is_readable(stream) else None,
            rate_hz=stream.codec_context.sample_rate if is_readable(stream) else 0,
            channels=len(stream.codec_context.layout.channels) if is_readable(stream) else 0,
            language=_language(stream),
            title=stream.metadata.get("title"),
            read=stream in chosen,
        )
        for number, stream in enumerate(container.streams.audio, start=1)
    ]


def encrypted() -> DecodingFailed:
    return DecodingFailed(UploadFailure.ENCRYPTED, "the sound is encrypted (DRM); send a copy without protection")


def _belongs(stream: AudioStream, best: AudioStream) -> bool:
    if not is_readable(stream) or stream.disposition & ASIDE:
        return False
    return _language(stream) in (None, _language(best)) or _language(best) is None


def _language(stream: AudioStream) -> str | None:
    return None if stream.language in (None, "", "und") else stream.language


def _numbered(there: tuple[AudioStream, ...], number: int) -> AudioStream:
    if not 0 < number <= len(there):
        raise DecodingFailed(
            UploadFailure.NO_STREAM,
            f"the file has {len(there)} sound streams, but stream {number} was chosen; choose others with 'streams'",
        )
    if not is_readable(there[number - 1]):
        raise DecodingFailed(
            UploadFailure.NO_STREAM, f"the codec of sound stream {number} is unknown; choose others with 'streams'"
        )
    return there[number - 1]


def _check(chosen: list[AudioStream]) -> None:
    for stream in chosen:
        if stream.codec_context.codec_tag in ENCRYPTED_TAGS:
            raise encrypted()
        check_rate(stream.codec_context.sample_rate)
    channels = sum(len(stream.codec_context.layout.channels) for stream in chosen)
    if channels > CHANNELS_LIMIT:
        raise DecodingFailed(
            UploadFailure.TOO_MANY_CHANNELS,
            f"the {len(chosen)} sound streams have {channels} channels together, more than {CHANNELS_LIMIT}; "
            "choose fewer with 'streams'",
        )
