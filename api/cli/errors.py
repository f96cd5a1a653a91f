"""Errors as a person at a terminal wants them: one line that names the value and the remedy, and an exit code."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from schema.core.errors import InvalidInput, MinutebookError

WRONG_INPUT = 2
FAILED = 1


class ErrorGroup(TyperGroup):
    """Exit code 2 when the input can never succeed, 1 when something failed. No traceback for either."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MinutebookError as error:
            typer.echo(f"error: {error.detail}", err=True)
            raise typer.Exit(WRONG_INPUT if isinstance(error, InvalidInput) else FAILED) from error
        except ValidationError as error:
            typer.echo(f"error: {_first_fault(error)}", err=True)
            raise typer.Exit(WRONG_INPUT) from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in fault["loc"]) or error.title
    return f"{name} = {fault['input']!r} is not valid: {fault['msg']}"
