"""How commands report errors, in one line that names the value and the remedy, and how their tables show ids."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError
from rich.table import Column
from typer.core import TyperGroup

from schema.core.disk import NO_ROOM
from schema.core.errors import Interrupted, InvalidInput, MinutebookError
from schema.core.lines import shortened, shown

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130


class ErrorGroup(TyperGroup):
    """Exit code 2 for input that can never succeed, 130 after Ctrl-C, and 1 for any other failure."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _reported():  # This step prints the help page.
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _reported():
            return super().invoke(ctx)


@contextmanager
def _reported() -> Iterator[None]:
    """Report an error of the block in one line, and end the command with its exit code."""
    try:
        yield
    except MinutebookError as error:
        typer.echo(f"error: {shown(error.detail)}", err=True)
        raise typer.Exit(_exit_code(error)) from error
    except ValidationError as error:
        typer.echo(f"error: {_first_fault(error)}", err=True)
        raise typer.Exit(WRONG_INPUT) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of a pipe has seen enough
            raise
        typer.echo(f"error: {_fault_of_system(error)}", err=True)
        raise typer.Exit(FAILED) from error


def _exit_code(error: MinutebookError) -> int:
    if isinstance(error, Interrupted):
        return INTERRUPTED
    return WRONG_INPUT if isinstance(error, InvalidInput) else FAILED


def _fault_of_system(error: OSError) -> str:
    if error.filename is None and error.errno in NO_ROOM:
        return f"standard output cannot be written ({error.strerror}); free some space, or write it elsewhere"
    return shown(str(error))


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in fault["loc"]) or error.title
    return f"{name} = {shortened(repr(fault['input']))} is not valid: {fault['msg']}"


def id_column(header: str, ids: Iterable[str]) -> Column:
    """A column of *ids*. People copy them, so they are neither cut nor wrapped, however narrow the terminal is."""
    return Column(header, no_wrap=True, min_width=max(map(len, ids), default=0))
