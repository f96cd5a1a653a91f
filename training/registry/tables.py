"""The registry on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schema.adapters.wire import AdapterHistory, AdapterOut, DecisionOut


def print_versions(versions: Sequence[AdapterOut]) -> None:
    table = Table("adapter", "task", "state", "base model", "method", "rank", "precision", "MB", "published", box=None)
    for each in versions:
        size, when = f"{each.size_bytes / 1e6:.1f}", f"{each.created_at:%Y-%m-%d %H:%M}"
        method = f"{each.method}, short context" if each.audio_context else each.method
        base = Text(each.base_model)
        table.add_row(each.label, each.task, each.state, base, method, str(each.rank), each.precision, size, when)
    Console().print(table if versions else "no adapters yet; 'minutebook adapters publish FOLDER --name NAME' adds one")


def print_history(history: AdapterHistory) -> None:
    """Versions, and the decisions about them with their grounds."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    print_versions(history.versions)
    for decision in history.decisions:
        console.print(_decided(decision))
        if decision.figures:
            console.print(f"    {figures_line(decision.figures)}")


def _decided(decision: DecisionOut) -> str:
    """`2026-03-02 09:30 ann: promote clinic@3 instead of clinic@2 (forced): twice as fast`."""
    instead = f" instead of {decision.replaced}" if decision.replaced not in (None, decision.adapter) else ""
    forced = " (forced)" if decision.forced else ""
    reason = f": {decision.reason}" if decision.reason else ""
    who = f"{decision.created_at:%Y-%m-%d %H:%M} {decision.decided_by}"
    return f"{who}: {decision.move} {decision.adapter}{instead}{forced}{reason}"


def figures_line(figures: Mapping[str, object]) -> str:
    """What the gate found, of the figures that a decision keeps."""
    values = {name: value for name, value in figures.items() if isinstance(value, float)}
    return (
        f"{figures['metric']} {values['candidate']:.4f} instead of {values['serving']:.4f} "
        f"({figures['compared_with']}), gain {values['gain']:.4f} "
        f"(95 %: {values['gain_low']:.4f} to {values['gain_high']:.4f}) on "
        f"{figures['examples']} examples of {figures['data']}, {figures['precision']}"
    )
