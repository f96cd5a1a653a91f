"""Joins a Celery worker to the fleet: the board of its processes, the gate of its queues, and the reporter."""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import after_setup_logger, worker_init, worker_process_init, worker_ready, worker_shutdown
from celery.utils.log import get_multiprocessing_logger

from workers.app import app
from workers.fleet.board import Board, noter, open_board
from workers.fleet.gate import Gate, open_redis, own_queues
from workers.fleet.reporter import Reporter

_board: Board | None = None
_reporter: Reporter | None = None


@worker_init.connect  # type: ignore[untyped-decorator]
def _open(sender: Any, **_: Any) -> None:
    global _board
    _board = open_board(int(sender.concurrency))
    app.steps["consumer"].add(Gate)


@after_setup_logger.connect  # type: ignore[untyped-decorator]
def _note_errors(logger: logging.Logger, **_: Any) -> None:
    """Also what the pool logs, which says when one of its processes has died."""
    if (noted := noter()) is not None:
        logger.addHandler(noted)
        get_multiprocessing_logger().addHandler(noted)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _join(**_: Any) -> None:
    if (noted := noter()) is not None:
        noted.begin_process()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _report(sender: Any, **_: Any) -> None:
    """*sender* is Celery's consumer."""
    global _reporter
    if _board is not None:
        _reporter = Reporter(sender.controller, own_queues(app), _board, open_redis())
        _reporter.start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _leave(**_: Any) -> None:
    if _reporter is not None:
        _reporter.end()
