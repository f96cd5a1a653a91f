"""Sends webhook messages in a thread, so that a receiver that hangs holds up nothing else in the process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from threading import Thread

from schema.core.errors import Unavailable
from workers.webhooks.delivery import ANSWER_LIMIT_S, ClaimedDelivery, WebhookSender

log = logging.getLogger(__name__)

SENDING_LIMIT_S = 120.0
"""More than a batch takes. After that another process may send, because this one may have died."""


class BackgroundSender:
    """Sends one batch at a time. *alone* yields whether no other process is sending.

    A process that ends in the middle of a batch leaves its messages claimed. They become due again.
    """

    def __init__(self, sender: WebhookSender, alone: Callable[[], AbstractContextManager[bool]]) -> None:
        self.sender = sender
        self.alone = alone
        self._thread: Thread | None = None

    def begin(self) -> int:
        """Claim the messages that are due and begin to send them. Returns how many. 0 while others are being sent."""
        if self._thread is not None and self._thread.is_alive():
            return 0
        with ExitStack() as until_sent:
            if not until_sent.enter_context(self.alone()):
                return 0
            messages = self.sender.claim()
            if messages:
                self._thread = Thread(
                    target=self._send, args=(messages, until_sent.pop_all()), name="webhooks", daemon=True
                )
                self._thread.start()
            return len(messages)

    def close(self) -> None:
        """Wait for the batch that is being sent, whose attempts are bounded."""
        if self._thread is not None:
            self._thread.join(ANSWER_LIMIT_S)

    def _send(self, messages: Sequence[ClaimedDelivery], until_sent: ExitStack) -> None:
        with until_sent:
            try:
                self.sender.send(messages)
            except Unavailable as error:
                log.warning("the results of %s webhook messages were not written: %s", len(messages), error)
            except Exception:
                log.exception("the results of %s webhook messages were not written", len(messages))
