"""The sources of Whisper models, and the files that such a model needs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from workers.asr.weights.bundled_weights import write_folder
from workers.models.cache import made_once
from workers.models.source import ModelSource


def _converted(name: str, cache_dir: Path) -> Path:
    return made_once(cache_dir / f"whisper-{name}", partial(write_folder, name))


WHISPER = ModelSource(
    convert=_converted,
    hub_patterns=("*.json", "*.txt", "*.safetensors"),
    needed=("config.json", "generation_config.json", "tokenizer.json", "preprocessor_config.json"),
    hub_example="openai/whisper-small",
    package_example="package:tiny.en",
)
resolve = WHISPER.resolve
