"""An adapter merged into its model: a folder for `transformers`, or for CTranslate2 and so for faster-whisper."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from schema.core.errors import Conflict, InvalidInput, UnsupportedPrecision
from schema.core.states import AdapterTask
from training.registry.candidate import read_candidate
from training.registry.compatibility import check_fit, resolve_base
from training.registry.formats import Format, Weights
from workers.models.cache import made_once, weights_checksum
from workers.models.lora import check_base, inject

NAME = "merged"
BESIDE = ("*.json", "*.txt", "*.model")
"""Tokenizer and the like, which come with the base model."""
CTRANSLATE_FILES = ("tokenizer.json", "preprocessor_config.json")
"""What faster-whisper reads besides CTranslate2's own files."""


def export(adapter: Path, to: Path, models: Path, form: Format, weights: Weights, base: str | None = None) -> Path:
    """Write the model with the adapter in the folder *adapter* to the new folder *to*, whole or not at all.

    Raises Conflict (*to* exists), InvalidInput (weights that the format has not), UnsupportedPrecision (CTranslate2 is
    not installed), and what reading, fitting and loading raise.
    """
    if to.exists():
        raise Conflict(f"{to} is there already; name a folder that is not")
    if form == Format.TRANSFORMERS and weights == Weights.INT8:
        raise InvalidInput(
            "a folder for transformers has no int8 weights: they are made when it is loaded; use float16"
        )
    candidate = read_candidate(adapter, base)
    task, base_folder = resolve_base(candidate.base_model, models)
    check_base(adapter.name, candidate.metadata, candidate.base_model, lambda: weights_checksum(base_folder))
    check_fit(candidate, base_folder)
    write = _write_transformers if form == Format.TRANSFORMERS else _write_ctranslate
    return made_once(to, partial(write, candidate.folder, base_folder, task, weights))


def _write_transformers(adapter: Path, base: Path, task: AdapterTask, weights: Weights, folder: Path) -> None:
    net = _merged(adapter, base, task).to(getattr(torch, weights))
    net.save_pretrained(folder)
    for pattern in BESIDE:
        for path in base.glob(pattern):
            if not (folder / path.name).exists() and not path.name.endswith(".index.json"):
                shutil.copyfile(path, folder / path.name)


def _write_ctranslate(adapter: Path, base: Path, task: AdapterTask, weights: Weights, folder: Path) -> None:
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise UnsupportedPrecision(
            f"CTranslate2 is not installed ({error}). Run: pip install 'minutebook[ctranslate2]'"
        ) from error
    with TemporaryDirectory(prefix="minutebook-export-") as temporary:
        whole = Path(temporary)
        _write_transformers(adapter, base, task, Weights.FLOAT32, whole)
        extra = [name for name in CTRANSLATE_FILES if (whole / name).is_file()]
        converter = TransformersConverter(str(whole), copy_files=extra)
        converter.convert(str(folder), quantization=weights, force=True)  # the folder is there, and empty


def _merged(adapter: Path, base: Path, task: AdapterTask) -> Any:
    """The model in 32 bits with the adapter's product added to its weights, and no layer of PEFT's left."""
    net = _loaded(base, task)
    inject(net, NAME, adapter)
    for name, layer in [(name, module) for name, module in net.named_modules() if hasattr(module, "lora_A")]:
        layer.merge(adapter_names=[NAME])
        parent, _, child = name.rpartition(".")
        setattr(net.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(net, "peft_config"):
        del net.peft_config
    return net


def _loaded(base: Path, task: AdapterTask) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, WhisperForConditionalGeneration

    if task == AdapterTask.ASR:
        return WhisperForConditionalGeneration.from_pretrained(base, dtype=torch.float32, local_files_only=True)
    config = AutoConfig.from_pretrained(base)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    return kind.from_pretrained(base, dtype=torch.float32, local_files_only=True)
