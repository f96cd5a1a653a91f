"""Logs without what callers put behind a `?`: whatever they send there by mistake stays out of files."""

from __future__ import annotations

import logging
import re

_QUERY = re.compile(r"\?[^\s\"']*")
LOGGERS = ("uvicorn.access", "uvicorn.error")


class WithoutQuery(logging.Filter):
    """Cuts the query off every path that is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_QUERY.sub("", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


def install() -> None:
    """For the loggers of uvicorn, however it was started."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithoutQuery) for each in logger.filters):
            logger.addFilter(WithoutQuery())
