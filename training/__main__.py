"""`python -m training`: the program behind `minutebook train`, `evaluate`, `sweep` and the other training commands."""

from __future__ import annotations

import logging
from importlib import import_module
from pkgutil import iter_modules

import typer

import training.cli
from schema.core.command_line import ErrorGroup
from workers.models import libraries


def build_app() -> typer.Typer:
    """The program with the commands of every module in `training/cli`."""
    app = typer.Typer(
        cls=ErrorGroup,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Train, measure and publish the adapters that Minutebook's workers load.",
    )
    for found in iter_modules(training.cli.__path__):
        module = import_module(f"training.cli.{found.name}")
        if hasattr(module, "register"):
            module.register(app)
    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    libraries.leave_out_advice()
    libraries.bound_memory()
    libraries.keep_freed_memory()
    build_app()(prog_name="minutebook")
