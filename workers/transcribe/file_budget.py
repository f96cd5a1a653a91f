"""How much of a step files get: what live meetings leave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.states import TrackKind
from schema.mailbox import Claim, Claimed, Fill

CPU_WINDOWS = 16
"""In one thread: more save little time, and a step of so many takes seconds."""
CPU_REST = 4.0
"""So all files of all workers together take a fifth of one core while somebody speaks live."""
REST_LIMIT_MS = 10_000
LIVE_MEMORY_S = 5.0
"""After so long without a live track nobody is taken to be speaking."""


@dataclass(frozen=True, slots=True)
class FilePace:
    """How many `windows` of files a step may hold when nobody speaks live, and when somebody does; in how many threads.

    With `shared_steps` files take the places of a live step that are free, which costs a GPU nothing. A CPU does one
    window after another, so there they get steps of their own, when no live track is due or their deadline has come.
    """

    windows: int = 32
    windows_beside_live: int = 1
    lanes: int = 1
    shared_steps: bool = True
    rest: float = 0.0
    """Beside live meetings all files wait for the next step of one so many times as long as the last one took."""


def on_cpu(lanes: int) -> FilePace:
    """For a CPU with room for *lanes* threads."""
    return FilePace(windows=CPU_WINDOWS * lanes, windows_beside_live=1, lanes=lanes, shared_steps=False, rest=CPU_REST)


class FileBudget:
    """What one worker knows of live meetings, and what that leaves to files."""

    def __init__(self, pace: FilePace) -> None:
        self.pace = pace
        self._live_until_s = 0.0

    def note(self, claimed: Claimed) -> None:
        """Take notice of live tracks among those claimed and those that wait."""
        if claimed.live_waiting or any(claim.kind == TrackKind.LIVE for claim in claimed.tracks):
            self._live_until_s = time.monotonic() + LIVE_MEMORY_S

    @property
    def beside_live(self) -> bool:
        return time.monotonic() < self._live_until_s

    @property
    def fill(self) -> Fill:
        """Which files a claim may take."""
        if self.pace.shared_steps:
            return "any"
        return "one" if self.beside_live else "idle"

    @property
    def lanes(self) -> int:
        return 1 if self.beside_live else self.pace.lanes

    def rest_ms(self, worked_s: float) -> int:
        """How long files wait after a step of one that took *worked_s*, at most REST_LIMIT_MS."""
        return min(round(1000 * worked_s * self.pace.rest), REST_LIMIT_MS) if self.beside_live else 0

    def windows(self, claim: Claim, claims: Sequence[Claim]) -> int:
        """Windows for one of the files among *claims*: at least one. After a failure one, to find the bad one."""
        if claim.attempts > 1:
            return 1
        files = sum(each.kind == TrackKind.BATCH for each in claims)
        free = self.pace.windows_beside_live if self.beside_live else self.pace.windows
        return max((free - (len(claims) - files if self.pace.shared_steps else 0)) // max(files, 1), 1)
