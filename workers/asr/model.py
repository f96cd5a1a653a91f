"""A loaded Whisper: the network, its vocabulary, and the adapters loaded into it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from schema.core.errors import BrokenModel
from workers.asr.adapters import LoadedAdapter
from workers.asr.adapters import load as load_adapter
from workers.asr.kernels.int8 import quantise
from workers.asr.kernels.kernel_choice import choose_kernels
from workers.asr.kernels.packed import pack
from workers.asr.vocabulary import Vocabulary, load_vocabulary
from workers.asr.weights.source import resolve
from workers.models.cache import weights_checksum
from workers.models.precision import choose_device, not_loaded, quantisation

log = logging.getLogger(__name__)


@dataclass
class Whisper:
    """One loaded model. `net` is transformers' `WhisperForConditionalGeneration` in evaluation mode."""

    reference: str
    folder: Path
    net: Any
    vocabulary: Vocabulary
    alignment_heads: tuple[tuple[int, int], ...]
    """(layer, head) of the decoder heads whose cross-attention follows the audio from word to word."""
    precision: str
    dtype: torch.dtype
    device: str
    adapters: dict[str, LoadedAdapter] = field(default_factory=dict)

    def load_adapter(self, name: str, folder: Path) -> None:
        """Load the PEFT adapter in *folder* as *name*, next to the others. Raises AdapterMismatch or BrokenModel."""
        self.adapters[name] = load_adapter(self.net, self.reference, self.checksum, self.precision, name, folder)

    def checksum(self) -> str:
        """The checksum of the weights without adapters; see `weights_checksum`."""
        return weights_checksum(self.folder)


def load(
    reference: str,
    cache_dir: Path,
    precision: str = "auto",
    device: str = "auto",
    adapters: Mapping[str, Path] | None = None,
) -> Whisper:
    """Load the Whisper that *reference* names: a folder, a hub name or `package:NAME`.

    Raises UnknownModel, BrokenModel, UnknownPrecision, UnsupportedPrecision, AdapterMismatch.
    """
    device = choose_device(device)
    kernels = choose_kernels(precision, device)
    for warning in kernels.warnings:
        log.warning("%s: %s", reference, warning)
    folder = resolve(reference, cache_dir)
    net = _load_net(folder, kernels.base_precision, kernels.dtype, device)
    if kernels.weight_bits:
        quantise(net, kernels.weight_bits)
    if kernels.packed:
        pack(net)
    whisper = Whisper(
        reference=reference,
        folder=folder,
        net=net,
        vocabulary=load_vocabulary(folder),
        alignment_heads=_alignment_heads(folder, net.config),
        precision=kernels.precision,
        dtype=kernels.dtype,
        device=device,
    )
    for name, path in (adapters or {}).items():
        whisper.load_adapter(name, path)
    return whisper


def _load_net(folder: Path, precision: str, dtype: torch.dtype, device: str) -> Any:
    from safetensors import SafetensorError
    from transformers import WhisperForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # The output layer shares its weights with the embedding, which is not quantised.
    quantised = quantisation(precision, dtype, device, keep=["proj_out"])
    options: dict[str, Any] = {"quantization_config": quantised, "device_map": {"": device}} if quantised else {}
    try:
        net = WhisperForConditionalGeneration.from_pretrained(
            folder, dtype=dtype, local_files_only=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BrokenModel(f"{folder} cannot be loaded as a Whisper model: {error}. Fetch it again.") from error
    except (RuntimeError, NotImplementedError, ImportError) as error:
        raise not_loaded(folder, precision, device, error) from error
    placed: Any = net if quantised else net.to(device)  # type: ignore[arg-type]
    return placed.eval().requires_grad_(False)


def _alignment_heads(folder: Path, config: Any) -> tuple[tuple[int, int], ...]:
    """The heads that the model lists. Without a list: all heads of the upper half of the layers, as in
    openai/whisper."""
    listed = json.loads((folder / "generation_config.json").read_text()).get("alignment_heads")
    if listed:
        return tuple((int(layer), int(head)) for layer, head in listed)
    layers, heads = config.decoder_layers, config.decoder_attention_heads
    return tuple((layer, head) for layer in range(layers // 2, layers) for head in range(heads))
