"""Finds the adapter version that a meeting uses.

A meeting names one of these:

* an adapter (`clinic`): its active version. Workers look it up at every step, so a running meeting uses a promoted
  version at once. The text that it writes is labelled with the version, such as `clinic@3`.
* a version (`clinic@3`): this version, also if it is a draft or was replaced, until it is retired on purpose.
* `base`: the model without an adapter.
* nothing: the active version of the adapter called `default`, if there is one, else the model without an adapter.

The adapter store has one folder for the files of each version, named by the SHA-256 of its file SHA256SUMS.
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
"""The adapter for meetings that name none."""
BARE = "base"
"""The name for the model without an adapter, for use when a default adapter exists."""
SHOWN = 20
LIST_LIMIT = 1000


def served_labels(session: Session, task: AdapterTask, wanted: Collection[str | None]) -> dict[str | None, str | None]:
    """Map each name in *wanted* to the `NAME@VERSION` that is used for it now.

    None stands for the bare model, which is also used for a name without a usable version.
    """
    names = {(name or DEFAULT).partition("@")[0] for name in wanted}
    usable = session.scalars(
        select(Adapter).where(Adapter.task == task, Adapter.name.in_(names), _may_be_named())
    ).all()
    labels = {adapter.label: adapter.label for adapter in usable}
    labels |= {adapter.name: adapter.label for adapter in usable if adapter.state == AdapterState.ACTIVE}
    return {name: None if name == BARE else labels.get(name or DEFAULT) for name in wanted}


def _may_be_named() -> ColumnElement[bool]:
    """SQL condition: the version was not retired on purpose.

    A retired version without any decision is also excluded. Such rows are older than the registry.
    """
    about = select(AdapterDecision.move).where(AdapterDecision.adapter_id == Adapter.id)
    last = about.order_by(AdapterDecision.id.desc()).limit(1).scalar_subquery()
    return or_(Adapter.state != AdapterState.RETIRED, last != AdapterMove.RETIRE)


def check_served(session: Session, task: AdapterTask, field: str, wanted: str | None) -> None:
    """Raise UnknownAdapter unless *wanted* names a usable adapter. The message names the request's *field*."""
    if wanted is None or wanted == BARE or served_labels(session, task, [wanted])[wanted] is not None:
        return
    label = AdapterLabel.parse(wanted)
    named = select(Adapter).where(Adapter.task == task, Adapter.name == label.name)
    versions = session.scalars(named.order_by(Adapter.version.desc()).limit(SHOWN)).all()
    if versions:
        there = ", ".join(f"{each.label} ({each.state})" for each in versions)
        raise UnknownAdapter(
            f"{field} '{wanted}' cannot be used; its versions are {there}. Promote one with "
            "'minutebook adapters promote', or leave the field out"
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
    """Find the version that *label* names. Without a version: the active one, else the newest. Raises NotFound."""
    wanted = select(Adapter).where(Adapter.task == task, Adapter.name == label.name)
    if label.version is not None:
        wanted = wanted.where(Adapter.version == label.version)
    serving_first = (Adapter.state != AdapterState.ACTIVE, Adapter.version.desc())
    found = session.scalar(wanted.order_by(*serving_first).limit(1))
    if found is None:
        version = "" if label.version is None else f" in version {label.version}"
        raise NotFound(f"there is no {task} adapter '{label.name}'{version}; 'minutebook adapters list' lists all")
    return found


def newest_draft(session: Session, task: AdapterTask, name: str) -> Adapter:
    """Return the newest draft of an adapter. Raises NotFound."""
    drafts = select(Adapter).where(Adapter.task == task, Adapter.name == name, Adapter.state == AdapterState.DRAFT)
    found = session.scalar(drafts.order_by(Adapter.version.desc()).limit(1))
    if found is None:
        raise NotFound(f"{task} adapter '{name}' has no draft; publish one, or name a version: {name}@VERSION")
    return found


def task_of(session: Session, name: str) -> AdapterTask:
    """Return the task of the adapter called *name*.

    Raises NotFound, and InvalidInput when each task has an adapter of that name.
    """
    tasks = session.scalars(select(Adapter.task).where(Adapter.name == name).distinct()).all()
    if not tasks:
        raise NotFound(f"there is no adapter '{name}'; 'minutebook adapters list' shows all")
    if len(tasks) > 1:
        raise InvalidInput(f"there is an adapter '{name}' for {' and for '.join(sorted(tasks))}; give --task")
    return AdapterTask(tasks[0])


def listed(session: Session, task: AdapterTask | None = None, limit: int = LIST_LIMIT) -> list[Adapter]:
    """Return versions ordered by task and name, newest first."""
    wanted = select(Adapter).where(Adapter.task == task) if task else select(Adapter)
    return list(session.scalars(wanted.order_by(Adapter.task, Adapter.name, Adapter.version.desc()).limit(limit)))


def history(session: Session, task: AdapterTask, name: str) -> AdapterHistory:
    """Return an adapter's versions and the decisions about them, newest first. Raises NotFound."""
    wanted = select(Adapter).where(Adapter.task == task, Adapter.name == name).order_by(Adapter.version.desc())
    versions = session.scalars(wanted).all()
    if not versions:
        raise NotFound(f"there is no {task} adapter '{name[:64]}'; 'minutebook adapters list' shows all")
    labels = {adapter.id: adapter.label for adapter in versions}
    about = select(AdapterDecision).where(AdapterDecision.adapter_id.in_(labels)).order_by(AdapterDecision.id.desc())
    return AdapterHistory(
        versions=[AdapterOut.model_validate(adapter) for adapter in versions],
        decisions=[_decision_out(decision, labels) for decision in session.scalars(about)],
    )


def _decision_out(decision: AdapterDecision, labels: dict[int, str]) -> DecisionOut:
    """Convert a decision to its wire type. *labels* maps the ids of versions to their labels."""
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
