"""Adapters by name: what a meeting may ask for, and which version it gets.

A meeting names an adapter (`clinic`), a version of it (`clinic@3`), `base` for the bare model, or nothing, which means
the adapter called `default` if one of its versions is active. A name means its active version, looked up at every step,
so a promoted version is taken up at once, in meetings that go on too. What it writes says `clinic@3`. A version that is
named stays what it is: a draft, or one that another took the place of, serves whoever asks for it, until it is retired.

The files of a version lie in the store, a folder for each, called by the SHA-256 of its SHA256SUMS.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from schema.adapters.tables import Adapter, AdapterDecision
from schema.adapters.wire import AdapterHistory, AdapterLabel, AdapterOut, DecisionOut
from schema.core.errors import InvalidInput, NotFound, UnknownAdapter
from schema.core.states import AdapterMove, AdapterState, AdapterTask

DEFAULT = "default"
"""Serves meetings that name none."""
BARE = "base"
"""The model without an adapter, for meetings that want it so though there is a default."""
SHOWN = 20
LIST_LIMIT = 1000


def served_labels(session: Session, task: AdapterTask, wanted: Collection[str | None]) -> dict[str | None, str | None]:
    """`NAME@VERSION` for each of what meetings want, as it serves now; None where the bare model does.

    That is also what a name comes to of which no version serves any more.
    """
    names = {(name or DEFAULT).partition("@")[0] for name in wanted}
    usable = session.scalars(
        select(Adapter).where(Adapter.task == task, Adapter.name.in_(names), _may_be_named())
    ).all()
    labels = {adapter.label: adapter.label for adapter in usable}
    labels |= {adapter.name: adapter.label for adapter in usable if adapter.state == AdapterState.ACTIVE}
    return {name: None if name == BARE else labels.get(name or DEFAULT) for name in wanted}


def _may_be_named() -> ColumnElement[bool]:
    """Not once it was retired on purpose, nor where nobody ever decided about it: a row of before the registry."""
    about = select(AdapterDecision.move).where(AdapterDecision.adapter_id == Adapter.id)
    last = about.order_by(AdapterDecision.id.desc()).limit(1).scalar_subquery()
    return or_(Adapter.state != AdapterState.RETIRED, last != AdapterMove.RETIRE)


def check_served(session: Session, task: AdapterTask, field: str, wanted: str | None) -> None:
    """Raises UnknownAdapter unless a meeting may say *wanted* in its *field*."""
    if wanted is None or wanted == BARE or served_labels(session, task, [wanted])[wanted] is not None:
        return
    label = AdapterLabel.parse(wanted)
    named = select(Adapter).where(Adapter.task == task, Adapter.name == label.name)
    versions = session.scalars(named.order_by(Adapter.version.desc()).limit(SHOWN)).all()
    if versions:
        there = ", ".join(f"{each.label} ({each.state})" for each in versions)
        raise UnknownAdapter(
            f"{field} '{wanted}' does not serve; there is {there}. Promote one with 'minutebook adapters promote', "
            "or leave the field out"
        )
    active = select(Adapter.name).where(Adapter.task == task, Adapter.state == AdapterState.ACTIVE)
    names = session.scalars(active.order_by(Adapter.name).limit(SHOWN)).all()
    remedy = f"use one of {', '.join(names)}, or leave it out" if names else "leave it out: none is active"
    raise UnknownAdapter(f"{field} '{wanted}' is not an adapter for {task}; {remedy}")


def active_version(session: Session, task: AdapterTask, name: str) -> Adapter | None:
    return session.scalar(
        select(Adapter).where(Adapter.task == task, Adapter.name == name, Adapter.state == AdapterState.ACTIVE)
    )


def find_version(session: Session, task: AdapterTask, label: AdapterLabel) -> Adapter:
    """The version of *label*; without one the active, or else the newest. Raises NotFound."""
    wanted = select(Adapter).where(Adapter.task == task, Adapter.name == label.name)
    if label.version is not None:
        wanted = wanted.where(Adapter.version == label.version)
    serving_first = (Adapter.state != AdapterState.ACTIVE, Adapter.version.desc())
    found = session.scalar(wanted.order_by(*serving_first).limit(1))
    if found is None:
        version = "" if label.version is None else f" in version {label.version}"
        raise NotFound(f"there is no {task} adapter '{label.name}'{version}; 'minutebook adapters list' shows all")
    return found


def newest_draft(session: Session, task: AdapterTask, name: str) -> Adapter:
    """Raises NotFound."""
    drafts = select(Adapter).where(Adapter.task == task, Adapter.name == name, Adapter.state == AdapterState.DRAFT)
    found = session.scalar(drafts.order_by(Adapter.version.desc()).limit(1))
    if found is None:
        raise NotFound(f"{task} adapter '{name}' has no draft; publish one, or say which version: {name}@VERSION")
    return found


def task_of(session: Session, name: str) -> AdapterTask:
    """What the adapter called *name* is for. Raises NotFound, or InvalidInput when there is one for either task."""
    tasks = session.scalars(select(Adapter.task).where(Adapter.name == name).distinct()).all()
    if not tasks:
        raise NotFound(f"there is no adapter '{name}'; 'minutebook adapters list' shows all")
    if len(tasks) > 1:
        raise InvalidInput(f"there is an adapter '{name}' for each of {' and '.join(sorted(tasks))}; say --task")
    return AdapterTask(tasks[0])


def listed(session: Session, task: AdapterTask | None = None, limit: int = LIST_LIMIT) -> list[Adapter]:
    """Versions by task and name, the newest first."""
    wanted = select(Adapter).where(Adapter.task == task) if task else select(Adapter)
    return list(session.scalars(wanted.order_by(Adapter.task, Adapter.name, Adapter.version.desc()).limit(limit)))


def history(session: Session, task: AdapterTask, name: str) -> AdapterHistory:
    """Raises NotFound."""
    versions = session.scalars(
        select(Adapter).where(Adapter.task == task, Adapter.name == name).order_by(Adapter.version.desc())
    ).all()
    if not versions:
        raise NotFound(f"there is no {task} adapter '{name[:64]}'; 'minutebook adapters list' shows all")
    labels = {adapter.id: adapter.label for adapter in versions}
    about = select(AdapterDecision).where(AdapterDecision.adapter_id.in_(labels)).order_by(AdapterDecision.id.desc())
    return AdapterHistory(
        versions=[AdapterOut.model_validate(adapter) for adapter in versions],
        decisions=[_decision_out(decision, labels) for decision in session.scalars(about)],
    )


def _decision_out(decision: AdapterDecision, labels: dict[int, str]) -> DecisionOut:
    """*labels* are those of the versions by id."""
    return DecisionOut(
        move=AdapterMove(decision.move),
        adapter=labels[decision.adapter_id],
        replaced=None if decision.replaced_id is None else labels[decision.replaced_id],
        decided_by=decision.decided_by,
        forced=decision.forced,
        reason=decision.reason,
        figures=decision.figures,
        created_at=decision.created_at,
    )
