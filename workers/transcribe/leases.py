"""Extends leases while their worker lives and works, since a step may take longer than a lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from schema.core.errors import MinutebookError
from schema.mailbox import Claim, Mailbox

log = logging.getLogger(__name__)


@contextmanager
def extended(mailbox: Mailbox, claims: Sequence[Claim], lease_ms: int) -> Iterator[None]:
    """Extend the leases of *claims* during the block, in a thread that dies with its process.

    A claim that was released, or that another worker has taken, stays as it is.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_extend, args=(mailbox, claims, lease_ms, ended), name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _extend(mailbox: Mailbox, claims: Sequence[Claim], lease_ms: int, ended: threading.Event) -> None:
    while not ended.wait(lease_ms / 3000):
        for claim in claims:
            try:
                mailbox.extend(claim.track_id, claim.epoch, lease_ms)
            except MinutebookError as error:
                log.warning("lease of track %s not extended: %s", claim.track_id, error)
