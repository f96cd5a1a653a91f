"""Checks whether an adapter fits its base, layer by layer and shape by shape, with the code that loads it in a
worker.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from schema.core.errors import AdapterMismatch, BrokenModel
from schema.core.states import AdapterTask
from training.registry.candidate import Candidate
from workers.asr.weights.bundled_weights import BUNDLED
from workers.asr.weights.source import WHISPER
from workers.models.lora import inject, layers
from workers.models.source import PACKAGE_PREFIX
from workers.summarize.writing.weights import TEXT_MODEL

ADAPTER_NAME = "candidate"
"""Name of the adapter in the network. A folder's name may be impossible for a module, for example `tiny.en-clinic`."""


def resolve_base(reference: str, cache_dir: Path) -> tuple[AdapterTask, Path]:
    """The task of a base model and its folder. Raises UnknownModel, BrokenModel."""
    if reference.removeprefix(PACKAGE_PREFIX) in BUNDLED:
        return AdapterTask.ASR, WHISPER.resolve(reference, cache_dir)
    folder = TEXT_MODEL.resolve(reference, cache_dir)
    if _config(folder).model_type == "whisper":
        return AdapterTask.ASR, WHISPER.resolve(reference, cache_dir)
    return AdapterTask.SUMMARY, folder


def check_fit(candidate: Candidate, base_folder: Path) -> None:
    """Raises AdapterMismatch if *candidate* does not fit the model in *base_folder*.

    The network is built without weights, so this takes no memory even for a large model.
    """
    net = _meta_network(base_folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*meta parameter.*no-op")  # nothing needs to be copied
        inject(net, ADAPTER_NAME, candidate.folder)
    changed = {name for name, module in net.named_modules() if hasattr(module, "lora_A")}
    without = sorted(changed - candidate.ranks.keys())
    if without:
        raise AdapterMismatch(
            f"{candidate.folder} claims to change {without[0]} and {len(without) - 1} other layers, but has no "
            "weights for them. Save the adapter again."
        )
    if not layers(net):
        raise AdapterMismatch(f"{candidate.folder} changes no layer of {candidate.base_model}. Correct target_modules.")


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise BrokenModel(f"{folder / 'config.json'} cannot be read: {error}. Download the model again.") from error


def _meta_network(folder: Path) -> Any:
    """The network of *folder* on the device `meta`: all shapes, no numbers."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, WhisperForConditionalGeneration

    config = _config(folder)
    with torch.device("meta"):
        if config.model_type == "whisper":
            return WhisperForConditionalGeneration(config)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        return kind.from_config(config, trust_remote_code=False)
