"""The machine that a figure belongs to."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import psutil

TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    """Processor, its cores and the instructions that matter to models, memory, system."""
    facts = _cpu_facts(Path("/proc/cpuinfo"))
    flags = set(facts.get("flags", "").split())
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model_stepping": "/".join(facts.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "cores": psutil.cpu_count(logical=True),
        "flags": [flag for flag in TELLING_FLAGS if flag in flags],
        "memory_gb": round(psutil.virtual_memory().total / 1000**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_facts(path: Path) -> dict[str, str]:
    """The first processor's lines of cpuinfo; empty where there is no such file."""
    if not path.exists():
        return {}
    lines = (line.partition(":") for line in path.read_text().split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
