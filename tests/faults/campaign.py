"""The fault campaign: strikes a running stack again and again, and counts what was lost or doubled.

    python -m tests.faults.campaign [--kills 20] [--databases sqlite,postgresql] [--kinds transcribe,api] [--seed 1]

Each *round* is a load of four live meetings and two queued files on one stack. While it runs, it is struck by one kind
after another, each time at a random moment and after the recovery from the strike before. When all meetings are
finished, every sample and every word is accounted for. Kinds that kill strike `--kills` times on each database, the
others a quarter as often. With `--kills 1` a round mixes kinds, otherwise it has one.

The results are written to `var/faults.json` after each round. A run of some kinds replaces only theirs. The exit status
is 1 if anything was lost, doubled or left over. A breach is printed with the kind, the seed and the moments of the
strikes; `--kinds KIND --seed SEED` repeats it.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from deploy.fresh import ROOT
from schema.core.errors import MinutebookError
from tests import servers
from tests.faults.disturbances import DISTURBANCES
from tests.faults.kills import KILLS
from tests.faults.kinds import DATABASES, Kind, NothingToStrike, Site
from tests.faults.load import PATIENCE_S, Load
from tests.faults.results import Round, Strike, rows, save, table
from tests.models import FOLDER
from tests.running_stack import RunningStack
from tests.stack_process import StackProcess
from tests.waiting import wait_until

REPORT = ROOT / "var" / "faults.json"
KINDS = {kind.name: kind for kind in (*KILLS, *DISTURBANCES)}
ENVIRONMENT = {
    "MINUTEBOOK_MODEL_DIR": str(FOLDER),
    "MINUTEBOOK_LEASE_MS": "3000",
    "MINUTEBOOK_BACKLOG_LIMIT_S": "40",
    "MINUTEBOOK_STORAGE_RESERVE_BYTES": "0",
    "MINUTEBOOK_REQUESTS_PER_MINUTE": "100000",
    "MINUTEBOOK_ATTEMPTS_LIMIT": "50",
    "MINUTEBOOK_SUMMARY_SHIPPED": "true",
    "MINUTEBOOK_SPEAKERS": "off",
}
"""A backlog shorter than a file keeps the decoder at work while the file is transcribed. A model writes the notes: that
takes seconds, in which its worker can be killed. The strikes on a slow machine can hit one window more often than a bad
window may kill its process, which would book it as failed."""
WIDTH = 220
DISK = "512m"
SPEED = 1.5
CALM_SPEED = 4.0
FIRST_PAUSE_S = 6.0
LONGEST_PAUSE_S = 2.0
STRIKES_IN_A_ROUND = 8
ERROR_CHARACTERS = 2000
KILLS_PER_DISTURBANCE = 4
"""A kind that kills strikes so many times as often as another."""
GaveUp = pytest.fail.Exception


@dataclass
class Campaign:
    """All rounds on one database."""

    database: str
    seed: int
    undisturbed: dict[str, str]
    """What a round without a strike heard. The first round fills it, and all databases share it."""
    rounds: list[Round] = field(default_factory=list)

    def run(self, plan: Sequence[Kind], mixed: bool) -> Iterator[Round]:
        """Strike as *plan* says. Yields each round when it is over."""
        with self._site() as site:
            if not self.undisturbed:
                yield self._calm(site)
            left = [kind for kind in plan if site.small_disk or not kind.needs_small_disk]
            for name in sorted({kind.name for kind in plan} - {kind.name for kind in left}):
                self._say(f"{name} is left out: this user cannot mount a small disk")
            while left:
                self.rounds.append(self._round(site, left, mixed))
                yield self.rounds[-1]

    @contextmanager
    def _site(self) -> Iterator[Site]:
        with ExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="minutebook-faults-")))
            small_disk = parts.enter_context(_small_disk(folder))
            variables = dict(ENVIRONMENT)
            postgres = None
            if self.database == "postgresql":
                postgres = parts.enter_context(servers.postgres())
                variables["MINUTEBOOK_DATABASE_URL"] = postgres.url
            stack = StackProcess(folder, variables)
            parts.callback(stack.stop)
            stack.begin()
            running = RunningStack(stack, PATIENCE_S)
            parts.callback(running.close)
            yield Site(stack, running, Load(running), random.Random(self.seed), postgres, small_disk)

    def _calm(self, site: Site) -> Round:
        """A round without a strike. Later rounds are compared with what it heard."""
        calm = Round(0, self.database, self.seed)
        with self._booked(calm):
            site.load = Load(site.running)
            site.load.begin(CALM_SPEED)
            self._finish(site, calm)
            self.undisturbed.update(site.load.texts())
        return calm

    def _round(self, site: Site, left: list[Kind], mixed: bool) -> Round:
        """Take strikes from the beginning of *left* while a new load runs."""
        this = Round(len(self.rounds) + 1, self.database, self.seed)
        first = left[0]
        site.random = random.Random(f"{self.seed} {self.database} {first.name} {len(left)}")
        with self._booked(this):
            begun_s = time.monotonic()
            site.load = Load(site.running)
            site.load.begin(SPEED)
            time.sleep(site.random.uniform(0.0, FIRST_PAUSE_S))
            while left and len(this.strikes) < STRIKES_IN_A_ROUND and (mixed or left[0] is first):
                try:
                    this.strikes.append(self._strike(site, left[0], begun_s))
                except NothingToStrike:
                    break
                left.pop(0)
                time.sleep(site.random.uniform(0.0, LONGEST_PAUSE_S))
            self._finish(site, this)
        if not this.strikes:
            this.errors.append(f"{left.pop(0).name} found nothing to strike")
        return this

    @contextmanager
    def _booked(self, this: Round) -> Iterator[None]:
        """Book what goes wrong in the block as a breach, and say how the round went."""
        begun_s = time.monotonic()
        try:
            yield
        except (Exception, GaveUp) as error:
            this.errors.append(f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS])
        this.seconds = time.monotonic() - begun_s
        self._say(f"round {this.number} took {this.seconds:.0f} s: {'; '.join(this.breaches) or 'nothing lost'}")

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {self.database}: {text}", flush=True)

    def _strike(self, site: Site, kind: Kind, begun_s: float) -> Strike:
        site.over_s = None
        kind.strike(site)
        over_s = site.over_s or time.monotonic()
        self._await_recovery(site, kind, site.load.committed_samples())
        strike = Strike(kind.name, over_s - begun_s, time.monotonic() - over_s)
        self._say(f"{kind.name} at {strike.at_s:.1f} s, work went on after {strike.recovery_s:.1f} s")
        return strike

    @staticmethod
    def _await_recovery(site: Site, kind: Kind, committed: int) -> None:
        """Wait until the processes of *kind* answer and more audio is transcribed, or none is left."""
        wait_until(
            "more audio is transcribed",
            lambda: site.load.committed_samples() > committed or site.load.is_transcribed(),
            retry_on=MinutebookError,
            patience_s=PATIENCE_S,
        )
        site.stack.wait_ready(*(kind.answering or ("api",)))

    def _finish(self, site: Site, this: Round) -> None:
        """Wait for the end of the load, account for it, and look for what must not be left."""
        site.load.wait()
        site.stack.wait_ready()
        this.account = site.load.account(self.undisturbed)
        for what, look in (("process", site.stack.orphans), ("key", site.load.leftover_keys)):
            try:
                wait_until(f"no {what} is left over", look, lambda found: not found, patience_s=60, poll_s=0.5)
            except pytest.fail.Exception as error:
                this.errors.append(str(error))


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Make *folder* a file system of its own. None where this user may not."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "none", str(folder)]
    made = subprocess.run(command, capture_output=True, check=False)
    try:
        yield folder if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", str(folder)], check=True)


def plan(names: Sequence[str], database: str, kills: int) -> list[Kind]:
    """The kinds of a campaign in the order of their strikes."""
    chosen = [KINDS[name] for name in names if database in KINDS[name].databases]
    times = {True: kills, False: max(1, kills // KILLS_PER_DISTURBANCE)}
    return [kind for kind in chosen for _ in range(times[kind.kills])]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    # An end by SIGTERM, too, stops the stack and unmounts its disk.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by SIGTERM"))
    rounds: list[Round] = []
    undisturbed: dict[str, str] = {}
    for database in arguments.databases:
        campaign = Campaign(database, arguments.seed, undisturbed)
        for each in campaign.run(plan(arguments.kinds, database, arguments.kills), mixed=arguments.kills == 1):
            rounds.append(each)
            save(REPORT, rows(rounds))
    Console(width=WIDTH).print(table(rows(rounds).values()))
    broken = [f"{each}: {breach}" for each in rounds for breach in each.breaches]
    minutes = sum(each.seconds for each in rounds) / 60
    print(f"{len(rounds)} rounds in {minutes:.0f} minutes; {len(broken)} breaches; {REPORT}")
    print("\n".join(broken))
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, choices=range(1, 1001), metavar="N")
    parser.add_argument("--databases", type=_names(DATABASES), default=list(DATABASES), metavar="NAME,NAME")
    parser.add_argument("--kinds", type=_names(tuple(KINDS)), default=list(KINDS), metavar="NAME,NAME")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(given: str) -> list[str]:
        names = [name.strip() for name in given.split(",") if name.strip()]
        unknown = sorted(set(names) - set(known))
        if unknown or not names:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown) or 'nothing'} is not known; choose from {', '.join(known)}"
            )
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
