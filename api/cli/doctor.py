"""`minutebook doctor`: reports what is missing and how to fix it."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from api.cli.checks import CHECKS
from api.cli.findings import Finding, Health
from api.cli.options import AsJson, as_seen_by_the_stack
from schema.core.settings import settings

COLOURS = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


def doctor(as_json: AsJson = False) -> None:
    """Report what is missing and how to fix it. The exit code is 1 when something does not work."""
    config = as_seen_by_the_stack(settings())
    console = Console(soft_wrap=True)
    failed = False
    for check in CHECKS:
        for finding in check(config):
            failed |= finding.health == Health.FAIL
            if as_json:
                typer.echo(json.dumps(asdict(finding)))
            else:
                console.print(_line(finding))
    raise typer.Exit(int(failed))


def _line(finding: Finding) -> Text:
    line = Text(f"{finding.health:<5}", style=COLOURS[finding.health])
    line.append(f"{finding.part}: {finding.text}", style="default")
    if finding.remedy:
        line.append(f"\n     -> {finding.remedy}", style="default")
    return line
