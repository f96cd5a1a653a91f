"""The tracks of a meeting from a file: one with a mix of all channels, or one for each channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from schema.core.states import Channels
from schema.core.units import s_of_samples
from schema.uploads.failures import UploadFailure
from workers.ingest.media import Recording
from workers.ingest.merger import Hole, length_of
from workers.ingest.messages import TRACKS_LIMIT, DecodingFailed
from workers.ingest.mix import EqualChannels, StreamMix
from workers.ingest.sound import Pcm

Compared = Callable[[int], None]
"""Called with the end of the sound in which channels were compared so far."""


class RecordedTracks:
    """The tracks in *file*. The same file with the same options always gives the same tracks.

    `channels` are the numbers of the channels that are tracks, from 1 on, or 1 for the mix. Channels with the same
    sound become one track. To find them the file is read until all channels differ, and *compared* is called meanwhile.
    `facts` describe the file. Raises DecodingFailed.
    """

    def __init__(self, file: BinaryIO, channels: Channels, streams: str, compared: Compared = lambda _: None) -> None:
        speakers = channels == Channels.SPEAKERS
        self._rows = _distinct_channels(file, streams, compared) if speakers else []
        self._recording = Recording(file, streams)
        self._mix = StreamMix(self._recording.widths)
        self.channels = [row + 1 for row in self._rows] or [1]
        self.facts = self._recording.media.facts()
        repeated = [row + 1 for row in range(sum(self._recording.widths)) if row not in self._rows]
        if speakers and repeated:
            self.facts["repeated_channels"] = repeated

    def parts(self) -> Iterator[Pcm | Hole]:
        """Yield PCM16 of shape (tracks, samples) in blocks of the same length, and holes. Raises DecodingFailed."""
        for part in self._recording.blocks():
            if isinstance(part, Hole):
                yield part
            else:
                yield part[self._rows] if self._rows else self._mix.take(part)

    def facts_of_end(self) -> dict[str, Any]:
        """What was wrong with the file, once `parts` is exhausted."""
        cancelled_s = s_of_samples(self._mix.cancelled_samples)
        return {**self._recording.facts_of_end(), **({"cancelled_s": cancelled_s} if cancelled_s else {})}


def _distinct_channels(file: BinaryIO, streams: str, compared: Compared) -> list[int]:
    recording = Recording(file, streams)
    channels = sum(recording.widths)
    if channels > TRACKS_LIMIT:
        raise DecodingFailed(
            UploadFailure.TOO_MANY_CHANNELS,
            f"the sound has {channels} channels, but a meeting has at most {TRACKS_LIMIT} tracks; use channels=mix",
        )
    equal, end = EqualChannels(channels), 0
    for part in recording.blocks():
        if not equal.pairs:
            break
        end += length_of(part)
        if not isinstance(part, Hole):
            equal.take(part)
        compared(end)
    recording.close()
    return equal.distinct(channels)
