"""Errors as a person at a terminal wants them: one line that names the value and the remedy, and an exit code."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from schema.core.errors import Interrupted, InvalidInput, MinutebookError

WRONG_INPUT, FAILED, INTERRUPTED = 2, 1, 130


class ErrorGroup(TyperGroup):
    """Exit code 2 when the input can never succeed, 130 after Ctrl-C, 1 when something failed. No traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MinutebookError as error:
            typer.echo(f"error: {error.detail}", err=True)
            raise typer.Exit(_code(error)) from error


def _code(error: MinutebookError) -> int:
    if isinstance(error, Interrupted):
        return INTERRUPTED
    return WRONG_INPUT if isinstance(error, InvalidInput) else FAILED
