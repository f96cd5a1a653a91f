"""Measures the effect of the context after a window on words and time: the model's own 30 s, condensed silence, and a
context as long as the audio, with and without the adapter trained for it.

    python -m bench.contexts ADAPTER_FOLDER [--model package:tiny.en] [--languages en] [--out var/bench/contexts.json]

Reads the labelled clips of 2 to 15 s of the optional local data; every clip is one window.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

from api.client.audio_source import read_file
from bench.report import machine
from training.metrics.bootstrap import paired
from workers.asr.context import STRIDE
from workers.asr.engine import Engine
from workers.asr.error_rates import Counts, rate, word_errors
from workers.asr.hypothesis import Window
from workers.asr.model import load

SHORTEST_S, LONGEST_S = 2.0, 15.0
ROUNDS = 3
"""How often each clip is encoded in every context, in turn; the fastest time counts."""
UNTRAINED, TRAINED = "untrained", "trained"


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    window: Window
    reference: str


@dataclass(frozen=True, slots=True)
class ContextVariant:
    """An engine and the adapter for its windows. An adapter reads the short context; without one the engine's own is
    read.
    """

    name: str
    engine: Engine
    adapter: str | None = None

    def windows(self, clips: Sequence[LabelledWindow]) -> list[Window]:
        return [replace(clip.window, adapter=self.adapter) for clip in clips]


def labelled_windows(shared: Path, languages: Collection[str]) -> list[LabelledWindow]:
    """Read speech in *languages* among the clips of *shared*. Meetings are left out, because their speakers overlap."""
    audio = shared / "audio"
    with (audio / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["language"] in languages]
    read = [row for row in rows if not row["file"].startswith("ami/")]
    chosen = [row for row in read if SHORTEST_S <= float(row["duration_s"]) <= LONGEST_S]
    return [
        LabelledWindow(
            Window(np.frombuffer(read_file(audio / row["file"]), "<i2").astype(np.int16), row["language"]),
            (audio / row["reference"]).read_text(encoding="utf-8"),
        )
        for row in chosen
    ]


def context_variants(model: str, models: Path, precision: str, adapter: Path, scratch: Path) -> list[ContextVariant]:
    """All variants of the comparison; engines share one loaded model."""
    whisper = load(model, models, precision)
    whisper.load_adapter(TRAINED, adapter)
    whisper.load_adapter(UNTRAINED, _untrained(adapter, scratch / UNTRAINED))
    full, condensed = Engine(whisper, stride=1), Engine(whisper, stride=STRIDE)
    return [
        ContextVariant("30 s", full),
        ContextVariant(f"condensed, stride {STRIDE}", condensed),
        ContextVariant("audio + 0.5 s, untrained", full, UNTRAINED),
        ContextVariant("audio + 0.5 s, trained", full, TRAINED),
    ]


def _untrained(adapter: Path, target: Path) -> Path:
    """A copy of *adapter* that changes only the context."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(adapter, target)
    weights = load_file(target / "adapter_model.safetensors")
    save_file({name: torch.zeros_like(part) for name, part in weights.items()}, target / "adapter_model.safetensors")
    return target


def compare(sources: Sequence[ContextVariant], clips: Sequence[LabelledWindow]) -> list[dict[str, Any]]:
    """A row for each of *sources*. The first one is the reference of `words_that_differ`."""
    encoder_ms = _encoder_ms(sources, clips)
    rows: list[dict[str, Any]] = []
    first: list[str] = []
    for source in sources:
        hypotheses = source.engine.transcribe(source.windows(clips))
        texts = [hypothesis.text for hypothesis in hypotheses]
        first = first or texts
        errors = [_errors(clip, clip.reference, text) for clip, text in zip(clips, texts, strict=True)]
        changed = [_errors(clip, *pair) for clip, *pair in zip(clips, first, texts, strict=True)]
        rows.append(
            {
                "context": source.name,
                "wer": rate(errors),
                "words_that_differ": rate(changed),
                "runaways": sum(hypothesis.truncated for hypothesis in hypotheses),
                "encoder_ms": encoder_ms[source.name],
                "errors": [each.counted for each in errors],
                "words": [each.total for each in errors],
            }
        )
    return rows


def changes(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float, float]]:
    """The word error rate of the last of *rows* minus that of each other row, with a 95 % interval over clips."""
    counts = {row["context"]: [Counts(*each) for each in zip(row["errors"], row["words"], strict=True)] for row in rows}
    *others, last = counts
    found = {name: paired(counts[name], counts[last]) for name in others}
    return {name: (each.difference, each.low, each.high) for name, each in found.items()}


def _errors(clip: LabelledWindow, reference: str, text: str) -> Counts:
    return word_errors(reference, text, clip.window.language)


def _encoder_ms(sources: Sequence[ContextVariant], clips: Sequence[LabelledWindow]) -> Mapping[str, float]:
    """The mean time over *clips* to encode a clip."""
    took: dict[str, list[float]] = {source.name: [] for source in sources}
    for clip in clips:
        rounds = [[_encode_s(source, clip) for source in sources] for _ in range(ROUNDS)]
        for index, source in enumerate(sources):
            took[source.name].append(min(each[index] for each in rounds))
    return {name: 1000 * mean(times) for name, times in took.items()}


def _encode_s(source: ContextVariant, clip: LabelledWindow) -> float:
    windows = source.windows([clip])
    began = time.perf_counter()
    with torch.inference_mode():
        source.engine.encode(windows)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path, help="folder of an adapter whose metadata says audio_context")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("MINUTEBOOK_SHARED", "../shared")))
    parser.add_argument("--model", default="package:tiny.en")
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--languages", nargs="+", default=["en"])
    parser.add_argument("--out", type=Path, default=Path("var/bench/contexts.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = labelled_windows(arguments.shared, arguments.languages)
    with tempfile.TemporaryDirectory() as scratch:
        sources = context_variants(
            arguments.model, arguments.models, arguments.precision, arguments.adapter, Path(scratch)
        )
        rows = compare(sources, clips)
    for row in rows:
        print(
            f"{row['context']:26} WER {row['wer']:6.2%}  differ {row['words_that_differ']:6.2%}  "
            f"runaways {row['runaways']:2}  encoder {row['encoder_ms']:5.1f} ms"
        )
    changed = changes(rows)
    for name, (difference, low, high) in changed.items():
        print(f"{rows[-1]['context']} minus {name}: {difference:+.2%} ({low:+.2%} to {high:+.2%})")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"machine": machine(), "model": arguments.model, "precision": sources[0].engine.whisper.precision}
    arguments.out.write_text(json.dumps({**facts, "clips": len(clips), "rows": rows, "changes": changed}, indent=2))


if __name__ == "__main__":
    main()
