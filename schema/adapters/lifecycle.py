"""The life cycle of an adapter version. Each move is checked, and its author and reason are recorded.

    draft ──promote──► active ──promote another, rollback, retire──► retired ──promote, rollback──► active

A move is a conditional update in the caller's transaction: when two callers attempt it at once, one of them succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schema.adapters.registry import active_version
from schema.adapters.tables import Adapter, AdapterDecision
from schema.core.errors import Conflict
from schema.core.states import AdapterMove, AdapterState, AdapterTask

MOVES: dict[AdapterState, frozenset[AdapterState]] = {
    AdapterState.DRAFT: frozenset({AdapterState.ACTIVE, AdapterState.RETIRED}),
    AdapterState.ACTIVE: frozenset({AdapterState.RETIRED}),
    AdapterState.RETIRED: frozenset({AdapterState.ACTIVE}),
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """The author of a decision and the reason. `figures` are the measurements of the quality gate."""

    decided_by: str
    reason: str | None = None
    forced: bool = False
    figures: Mapping[str, object] = field(default_factory=dict)


def promote(session: Session, adapter: Adapter, compared_with: int | None, grounds: Grounds) -> None:
    """Make *adapter* active in place of the version with the id *compared_with*, or of the bare model (None).

    The gate compared *adapter* with that version, so its result says nothing about any other. Raises Conflict when
    another version has become active, or when *adapter* is active already.
    """
    serving = active_version(session, AdapterTask(adapter.task), adapter.name)
    if (serving.id if serving else None) != compared_with:
        there = serving.label if serving else "none"
        raise Conflict(f"the active version of '{adapter.name}' is now {there}; compare {adapter.label} with that")
    if serving is not None and serving.id != adapter.id:
        _move(session, serving, AdapterState.RETIRED)
    _move(session, adapter, AdapterState.ACTIVE)
    _book(session, adapter, compared_with, AdapterMove.PROMOTE, grounds)


def roll_back(session: Session, task: AdapterTask, name: str, grounds: Grounds) -> tuple[Adapter, Adapter | None]:
    """Replace the active version by the one that it replaced, which may be the bare model (None).

    Returns the version that was active and the one that is active again. Raises Conflict when no version is active, or
    when the earlier version was retired on purpose.
    """
    serving = active_version(session, task, name)
    if serving is None:
        raise Conflict(f"no version of the {task} adapter '{name}' is active, so there is nothing to roll back")
    promoted = _last_decision(session, serving, AdapterMove.PROMOTE)
    earlier = None if promoted is None or promoted.replaced_id is None else session.get(Adapter, promoted.replaced_id)
    if earlier is not None and _given_up(session, earlier):
        raise Conflict(f"the previous version {earlier.label} was retired; promote another version instead")
    _move(session, serving, AdapterState.RETIRED)
    if earlier is not None:
        _move(session, earlier, AdapterState.ACTIVE)
    _book(session, serving, serving.id, AdapterMove.ROLLBACK, grounds)
    return serving, earlier


def retire(session: Session, adapter: Adapter, grounds: Grounds) -> None:
    """Stop using *adapter*, even for meetings that name this version. A second call changes nothing."""
    if _given_up(session, adapter):
        return
    replaced_id = adapter.id if adapter.state == AdapterState.ACTIVE else None
    if adapter.state != AdapterState.RETIRED:
        _move(session, adapter, AdapterState.RETIRED)
    _book(session, adapter, replaced_id, AdapterMove.RETIRE, grounds)


def _move(session: Session, adapter: Adapter, state: AdapterState) -> None:
    if state not in MOVES[AdapterState(adapter.state)]:
        raise Conflict(f"{adapter.label} is {adapter.state} and cannot become {state}")
    as_seen = (Adapter.id == adapter.id, Adapter.state == adapter.state)
    moved = session.execute(update(Adapter).where(*as_seen).values(state=state))
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(f"somebody else changed the state of {adapter.label} just now; check it and try again")
    session.refresh(adapter)


def _given_up(session: Session, adapter: Adapter) -> bool:
    """Whether the version was retired on purpose, and not by the promotion of another version."""
    last = _last_decision(session, adapter, *AdapterMove)
    return adapter.state == AdapterState.RETIRED and last is not None and last.move == AdapterMove.RETIRE


def _last_decision(session: Session, adapter: Adapter, *moves: AdapterMove) -> AdapterDecision | None:
    about = (AdapterDecision.adapter_id == adapter.id, AdapterDecision.move.in_(moves))
    return session.scalar(select(AdapterDecision).where(*about).order_by(AdapterDecision.id.desc()).limit(1))


def _book(session: Session, adapter: Adapter, replaced_id: int | None, decided: AdapterMove, grounds: Grounds) -> None:
    session.add(
        AdapterDecision(
            adapter_id=adapter.id,
            replaced_id=replaced_id,
            move=decided,
            decided_by=grounds.decided_by,
            forced=grounds.forced,
            reason=grounds.reason,
            figures=dict(grounds.figures),
        )
    )
    session.flush()
