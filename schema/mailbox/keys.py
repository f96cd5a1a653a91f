"""Names of the keys in Redis. All keys of a shard share a hash tag, so that one script may use them in a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32


def shard_of(track_id: str, shards: int) -> int:
    """The shard of a track. It is the same in every process and in every version of Minutebook."""
    return crc32(track_id.encode()) % shards


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one shard and of the tracks in it; `lua/prelude.lua` says what each holds."""

    shard: int

    def _name(self, rest: str) -> str:
        return f"{{mb:{self.shard}}}:{rest}"

    @property
    def of_shard(self) -> list[str]:
        return [self._name(part) for part in ("shard", "ready", "fill", "leased")]

    def hash_of(self, track_id: str) -> str:
        return self._name(f"t:{track_id}:h")

    def stream_of(self, track_id: str) -> str:
        return self._name(f"t:{track_id}:s")

    def of_track(self, track_id: str) -> list[str]:
        """The keys that are given to every script about one track."""
        return [*self.of_shard, self.hash_of(track_id), self.stream_of(track_id), self.voices]

    @property
    def voices(self) -> str:
        return self._name("voices")
