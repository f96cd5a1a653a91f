"""Publishes an adapter that fits its base: its files go into the store, and a draft into the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from schema.adapters.registry import BARE
from schema.adapters.tables import Adapter
from schema.adapters.wire import AdapterLabel
from schema.core.database import Database
from schema.core.errors import Conflict, InvalidInput
from schema.core.states import AdapterTask
from training.data.training_fingerprints import FINGERPRINTS_FILE as LEARNT_FROM
from training.registry.candidate import CONFIG, METRICS, WEIGHTS, Candidate, read_candidate
from training.registry.compatibility import check_fit, resolve_base
from training.registry.store import StoredAdapter, put
from workers.models.cache import weights_checksum
from workers.models.lora import METADATA, check_base

VERSIONS_LIMIT = 999_999


@dataclass(frozen=True, slots=True)
class RegistryFolders:
    """The cache of models and the store of adapters."""

    models: Path
    store: Path


@dataclass(frozen=True, slots=True)
class Published:
    adapter: Adapter
    is_new: bool
    """False if the same files were already published under this name."""


def publish(
    database: Database,
    folders: RegistryFolders,
    folder: Path,
    name: str,
    base: str | None = None,
    version: int | None = None,
) -> Published:
    """Publish the adapter in *folder* as the next version of *name*, or as *version*.

    Publishing the same files again returns the existing version. Raises what `read_candidate`, `resolve_base` and
    `check_fit` raise, InvalidInput (invalid name), Conflict (the version is taken), StorageFull.
    """
    label = _parse_label(name, version)
    candidate = read_candidate(folder, base)
    task, base_folder = resolve_base(candidate.base_model, folders.models)
    base_checksum = weights_checksum(base_folder)
    check_base(name, candidate.metadata, candidate.base_model, lambda: base_checksum)
    check_fit(candidate, base_folder)
    stored = put(folders.store, _files(candidate, base_checksum))
    try:
        with database.write() as session:
            return _register(session, task, label, candidate, base_checksum, stored)
    except IntegrityError as error:
        raise Conflict(f"somebody else published '{name}' at the same moment; try again") from error


def _parse_label(name: str, version: int | None) -> AdapterLabel:
    label = AdapterLabel.parse(name)
    if label.version is not None:
        raise InvalidInput(f"'{name}' includes a version; give it with --version {label.version}")
    if label.name == BARE:
        raise InvalidInput(f"'{BARE}' means the model without an adapter; use another name")
    if version is not None and not 1 <= version <= VERSIONS_LIMIT:
        raise InvalidInput(f"version {version} is out of range; use 1 to {VERSIONS_LIMIT}")
    return AdapterLabel(label.name, version)


def _files(candidate: Candidate, base_checksum: str) -> dict[str, Path | bytes]:
    metadata = {
        "base_model": candidate.base_model,
        "base_checksum": base_checksum,
        "audio_context": candidate.metadata.audio_context,
        "method": candidate.method,
        "rank": candidate.rank,
        "precision": candidate.precision,
        "data_fingerprint": candidate.data_fingerprint,
    }
    learnt_from = candidate.folder / LEARNT_FROM
    return {
        **({LEARNT_FROM: learnt_from} if learnt_from.is_file() else {}),
        CONFIG: candidate.folder / CONFIG,
        WEIGHTS: candidate.folder / WEIGHTS,
        METADATA: _json(metadata),
        METRICS: _json(candidate.run),
    }


def _json(value: Mapping[str, object]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _register(
    session: Session,
    task: AdapterTask,
    label: AdapterLabel,
    candidate: Candidate,
    base_checksum: str,
    stored: StoredAdapter,
) -> Published:
    named = (Adapter.task == task, Adapter.name == label.name)
    same = select(Adapter).where(*named, Adapter.checksum == stored.checksum).order_by(Adapter.version.desc())
    if label.version is not None:
        taken = session.scalar(select(Adapter).where(*named, Adapter.version == label.version))
        if taken is not None and taken.checksum != stored.checksum:
            raise Conflict(f"{taken.label} is another adapter; leave --version out to publish the next one")
        same = same.where(Adapter.version == label.version)
    existing = session.scalar(same.limit(1))
    if existing is not None:
        return Published(existing, is_new=False)
    last = session.scalar(select(func.max(Adapter.version)).where(*named)) or 0
    adapter = Adapter(
        task=task,
        name=label.name,
        version=label.version or last + 1,
        base_model=candidate.base_model,
        base_checksum=base_checksum,
        method=candidate.method,
        rank=candidate.rank,
        precision=candidate.precision,
        audio_context=candidate.metadata.audio_context,
        data_fingerprint=candidate.data_fingerprint,
        checksum=stored.checksum,
        size_bytes=stored.size_bytes,
        metrics=dict(candidate.metrics),
        facts={"ranks": dict(candidate.ranks)},
    )
    session.add(adapter)
    session.flush()
    return Published(adapter, is_new=True)
