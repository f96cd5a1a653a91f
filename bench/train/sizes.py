"""Measures the size of a Whisper's weights in each precision, in memory and on disk.

    python -m bench.train.sizes package:tiny.en package:base

Prints a line for each: megabytes in memory and of the saved file, and the saving compared to 32 and 16 bits.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from schema.core.settings import settings
from training.metrics.cost import folder_bytes, memory_bytes
from workers.asr.model import load

PRECISIONS = ("float32", "bfloat16", "int8", "int4")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.train.sizes")
    parser.add_argument("models", nargs="+")
    print("| model | precision | MB in memory | MB on disk | less than float32 | less than bfloat16 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for reference in parser.parse_args().models:
        sizes = {precision: _bytes(reference, precision) for precision in PRECISIONS}
        for precision, (memory, disk) in sizes.items():
            less = [1 - disk / sizes[other][1] for other in ("float32", "bfloat16")]
            shown = " | ".join(f"{share:.0%}" if share > 0 else "" for share in less)
            print(f"| {reference} | {precision} | {memory / 1e6:.1f} | {disk / 1e6:.1f} | {shown} |")


def _bytes(reference: str, precision: str) -> tuple[int, int]:
    """Bytes in memory, and of the files that transformers writes."""
    net = load(reference, settings().models, precision, "cpu").net
    with tempfile.TemporaryDirectory() as folder:
        net.save_pretrained(folder)
        return memory_bytes(net), folder_bytes(Path(folder))


if __name__ == "__main__":
    main()
