"""Adapters in the registry, as published ones are written down."""

from __future__ import annotations

from schema.states import AdapterState, AdapterTask
from schema.adapter_tables import Adapter


def version(
    name: str,
    number: int = 1,
    state: AdapterState = AdapterState.ACTIVE,
    task: AdapterTask = AdapterTask.ASR,
    checksum: str = "0" * 64,
) -> Adapter:
    """A row; its files are wherever *checksum* says."""
    return Adapter(
        task=task,
        name=name,
        version=number,
        state=state,
        base_model="package:tiny.en",
        base_checksum="1" * 64,
        method="lora",
        rank=4,
        precision="float32",
        checksum=checksum,
        size_bytes=1000,
    )
