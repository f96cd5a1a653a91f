"""A loaded Whisper: the network, its vocabulary, and the adapters loaded into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from schema.core.errors import BrokenModel, UnsupportedPrecision
from workers.asr.adapters import LoadedAdapter
from workers.asr.adapters import load as load_adapter
from workers.asr.kernels.int8 import INT8_DYNAMIC, pays_here, quantise
from workers.asr.kernels.packed import pack
from workers.asr.vocabulary import Vocabulary, load_vocabulary
from workers.asr.weights.source import resolve
from workers.models.cache import weights_checksum
from workers.models.precision import choose_device, choose_precision, compute_dtype, not_loaded, quantisation


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
    precision = _choose(precision, device)
    folder = resolve(reference, cache_dir)
    loaded_as = choose_precision("auto", device) if precision == INT8_DYNAMIC else precision
    dtype = compute_dtype(loaded_as, device)
    net = _load_net(folder, loaded_as, dtype, device)
    if precision == INT8_DYNAMIC:
        quantise(net)
        if dtype == torch.bfloat16:
            pack(net)
    whisper = Whisper(
        reference=reference,
        folder=folder,
        net=net,
        vocabulary=load_vocabulary(folder),
        alignment_heads=_alignment_heads(folder, net.config),
        precision=precision,
        dtype=dtype,
        device=device,
    )
    for name, path in (adapters or {}).items():
        whisper.load_adapter(name, path)
    return whisper


def _choose(precision: str, device: str) -> str:
    """As `choose_precision`, with the 8 bits that a Whisper may have on a CPU. Raises UnsupportedPrecision too."""
    if precision == "auto" and device == "cpu" and pays_here():
        return INT8_DYNAMIC
    if precision != INT8_DYNAMIC:
        return choose_precision(precision, device)
    if device != "cpu":
        raise UnsupportedPrecision(f"Precision {precision} is for a CPU, not for {device}. Use int8 or bfloat16.")
    return precision


def _load_net(folder: Path, precision: str, dtype: torch.dtype, device: str) -> Any:
    from safetensors import SafetensorError
    from transformers import WhisperForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # The output layer shares its weights with the embedding, which is not quantised.
    quantised = quantisation(precision, dtype, device, keep=["proj_out"])
    options: dict[str, Any] = {"quantization_config": quantised, "device_map": {"": device}} if quantised else {}
    try:
        net = WhisperForConditionalGeneration.from_pretrained(folder, dtype=dtype, local_files_only=True, **options)
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
