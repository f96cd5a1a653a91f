"""How a version of an adapter comes to serve, goes back and is given up: checked moves, each with who and why.

    draft ──promote──► active ──promote another, rollback, retire──► retired ──promote, rollback──► active

A move is a conditional update inside the caller's transaction, so that of two at once only one happens.
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
    """Who decides, and why. `figures` are those of the gate."""

    decided_by: str
    reason: str | None = None
    forced: bool = False
    figures: Mapping[str, object] = field(default_factory=dict)


def promote(session: Session, adapter: Adapter, compared_with: int | None, grounds: Grounds) -> None:
    """Make *adapter* serve in place of the version with the id *compared_with* (None: the bare model).

    Raises Conflict when another one serves by now, or *adapter* does already.
    """
    serving = active_version(session, AdapterTask(adapter.task), adapter.name)
    if (serving.id if serving else None) != compared_with:
        there = serving.label if serving else "none"
        raise Conflict(f"the active version of '{adapter.name}' is {there} by now; compare {adapter.label} with that")
    if serving is not None and serving.id != adapter.id:
        _move(session, serving, AdapterState.RETIRED)
    _move(session, adapter, AdapterState.ACTIVE)
    _book(session, adapter, compared_with, AdapterMove.PROMOTE, grounds)


def roll_back(session: Session, task: AdapterTask, name: str, grounds: Grounds) -> tuple[Adapter, Adapter | None]:
    """Go back to what served before the active version; that may be the bare model (None).

    Returns the version that served until now and the one that serves again. Raises Conflict when nothing is active, or
    when what served before was retired on purpose.
    """
    serving = active_version(session, task, name)
    if serving is None:
        raise Conflict(f"no version of the {task} adapter '{name}' is active, so there is nothing to go back from")
    promoted = _last_decision(session, serving, AdapterMove.PROMOTE)
    earlier = None if promoted is None or promoted.replaced_id is None else session.get(Adapter, promoted.replaced_id)
    if earlier is not None and _given_up(session, earlier):
        raise Conflict(f"{earlier.label}, which served before, was retired; promote another version instead")
    _move(session, serving, AdapterState.RETIRED)
    if earlier is not None:
        _move(session, earlier, AdapterState.ACTIVE)
    _book(session, serving, serving.id, AdapterMove.ROLLBACK, grounds)
    return serving, earlier


def retire(session: Session, adapter: Adapter, grounds: Grounds) -> None:
    """Let *adapter* serve no more, not even meetings that name this version. Doing it again changes nothing."""
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
        raise Conflict(f"somebody else moved {adapter.label} at this moment; look at it and try again")
    session.refresh(adapter)


def _given_up(session: Session, adapter: Adapter) -> bool:
    """Whether it was retired on purpose, and not by another version's promotion."""
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
