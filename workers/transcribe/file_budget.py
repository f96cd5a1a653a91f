"""Decides how much of a step files get beside live meetings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.states import TrackKind
from schema.mailbox import Claim, Claimed, Fill

CPU_WINDOWS = 16
"""Windows per thread. More windows save little time, and a step of this many already takes seconds."""
CPU_REST = 4.0
"""With this rest, all files of all workers together take a fifth of one core while somebody speaks live."""
REST_LIMIT_MS = 10_000
STEP_LIMIT_S = 3.0
"""A step of files alone is planned to take no longer, so that nobody who wants a few words waits long for its end."""
FIRST_WINDOWS = 4
"""A worker's first step of files holds no more: it shows how long a window takes."""
LIVE_MEMORY_S = 5.0
"""After this long without a live track, a worker assumes that nobody speaks live."""


@dataclass(frozen=True, slots=True)
class FilePace:
    """How many windows of files a step may hold, and in how many threads (`lanes`) it decodes them.

    `windows` applies while nobody speaks live, `windows_beside_live` while somebody does.

    With `shared_steps` files fill the free places of a live step, which costs a GPU nothing. A CPU decodes one window
    after another. So there files get steps of their own, when no live track is due or when their deadline has come.
    """

    windows: int = 32
    windows_beside_live: int = 1
    lanes: int = 1
    shared_steps: bool = True
    rest: float = 0.0
    """Beside live meetings, all files pause for `rest` times the duration of the last file step."""


def on_cpu(lanes: int) -> FilePace:
    """The pace of a CPU with room for *lanes* threads."""
    return FilePace(windows=CPU_WINDOWS * lanes, windows_beside_live=1, lanes=lanes, shared_steps=False, rest=CPU_REST)


class FileBudget:
    """Observes the live meetings of one worker, and says how much of a step files may take."""

    def __init__(self, pace: FilePace) -> None:
        self.pace = pace
        self._live_until_s = 0.0
        self._window_s = 0.0

    def note(self, claimed: Claimed) -> None:
        """Note whether any live track was claimed or waits."""
        if claimed.live_waiting or any(claim.kind == TrackKind.LIVE for claim in claimed.tracks):
            self._live_until_s = time.monotonic() + LIVE_MEMORY_S

    def note_step(self, windows: int, worked_s: float) -> None:
        """Note how long a step of *windows* windows took."""
        if windows:
            self._window_s = worked_s / windows

    @property
    def beside_live(self) -> bool:
        return time.monotonic() < self._live_until_s

    @property
    def _windows_in_time(self) -> int:
        in_time = int(STEP_LIMIT_S / self._window_s) if self._window_s else FIRST_WINDOWS
        return min(self.pace.windows, in_time)

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
        """How long files pause after a file step that took *worked_s*, at most REST_LIMIT_MS."""
        return min(round(1000 * worked_s * self.pace.rest), REST_LIMIT_MS) if self.beside_live else 0

    def windows(self, claim: Claim, claims: Sequence[Claim]) -> int:
        """How many windows the file *claim* gets, at least one. After a failure it gets one, to find the bad window."""
        if claim.attempts > 1:
            return 1
        files = sum(each.kind == TrackKind.BATCH for each in claims)
        free = self.pace.windows_beside_live if self.beside_live else self._windows_in_time
        return max((free - (len(claims) - files if self.pace.shared_steps else 0)) // max(files, 1), 1)
