"""`make bench-train`: trains Whisper with LoRA and AdaLoRA, by our code and by a plain transformers and peft script.

Writes var/bench/train.json. Our training runs twice: with the whole 30 s, as in the plain script, and with the
condensed context that the workers read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console

from bench.report import machine
from bench.train.task import clips, configuration, split, write_manifests
from deploy.fresh import ROOT
from schema.core.errors import MinutebookError, Unavailable
from training.runs.config import RunConfig, to_yaml

FOLDER = ROOT / "var/bench/train"
SIDES = {"plain": "full", "ours": "full", "ours, context as served": "served"}
METHODS = ("lora", "adalora")


def main() -> int:
    arguments = _arguments()
    console = Console(stderr=True)
    try:
        figures = _measure(arguments, console)
    except MinutebookError as error:
        console.print(f"error: {error.detail}")
        return 1
    path = FOLDER.with_suffix(".json")
    path.write_text(json.dumps(figures, indent=2) + "\n")
    console.print(f"written to {path}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.train")
    shared = Path(os.environ.get("MINUTEBOOK_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--repeats", type=int, default=1)
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_manifests(split(clips(arguments.shared)), FOLDER / "data")
    figures: dict[str, Any] = {"machine": machine(), "arguments": {k: str(v) for k, v in vars(arguments).items()}}
    for method in METHODS:
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for repeat in range(arguments.repeats):
            for side in SIDES:
                runs[side].append(_run_side(side, method, repeat, arguments))
                console.print(f"{method}, {side}: {runs[side][-1]}", highlight=False)
        figures[method] = {side: _summary(each, runs["plain"]) for side, each in runs.items()}
    return figures


def _run_side(side: str, method: str, repeat: int, arguments: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own, and its dev loss as `bench.train.loss` computes it. Raises Unavailable."""
    name = f"{method}-{side.replace(', ', '-').replace(' ', '-')}-{repeat}"
    folder = FOLDER / name
    folder.mkdir()
    config = configuration(
        name, method, arguments.precision, SIDES[side], FOLDER / "data", arguments.steps, arguments.batch
    )
    path = folder / "bench.yaml"
    path.write_text(to_yaml(config))
    figures = _plain(path, folder) if side == "plain" else _ours(path, config)
    (loss,) = json.loads(_run("bench.train.loss", str(path), str(folder / "adapter")))
    return {**figures, "dev_loss": loss}


def _plain(path: Path, folder: Path) -> dict[str, float]:
    _run("bench.train.plain", str(path), str(folder))
    return _rates(json.loads((folder / "figures.json").read_text()))


def _ours(path: Path, config: RunConfig) -> dict[str, float]:
    _run("training", "train", str(path), "--runs", str(FOLDER))
    metrics = json.loads((FOLDER / config.name / "metrics.json").read_text())
    return _rates({"examples": metrics["training"]["examples"], **metrics["cost"]})


def _rates(figures: dict[str, float]) -> dict[str, float]:
    rate = figures["examples"] / figures["train_s"]
    return {"samples_per_s": round(rate, 3), "peak_mb": round(figures["peak_bytes"] / 1e6, 1)}


def _run(module: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise Unavailable(f"{module} ended with {ran.returncode}: {ran.stderr.strip()[-1500:]}")
    return ran.stdout


def _summary(runs: list[dict[str, float]], plain: list[dict[str, float]]) -> dict[str, Any]:
    means = {name: fmean(run[name] for run in runs) for name in runs[0]}
    faster = means["samples_per_s"] / fmean(run["samples_per_s"] for run in plain)
    return {**{name: round(value, 4) for name, value in means.items()}, "times_plain": round(faster, 3), "runs": runs}


if __name__ == "__main__":
    sys.exit(main())
