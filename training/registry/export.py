"""Merges an adapter into its model: a folder for `transformers`, or for CTranslate2 and therefore faster-whisper."""

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
from training.registry.formats import ExportWeights, MergedModelFormat
from workers.models.cache import made_once, weights_checksum
from workers.models.lora import check_base, inject

ADAPTER_NAME = "merged"
BESIDE = ("*.json", "*.txt", "*.model")
"""Tokenizer files and similar, copied from the base model."""
CTRANSLATE_FILES = ("tokenizer.json", "preprocessor_config.json")
"""Files that faster-whisper needs in addition to CTranslate2's own."""


def export(
    adapter: Path, to: Path, models: Path, form: MergedModelFormat, weights: ExportWeights, base: str | None = None
) -> Path:
    """Write the model, with the adapter in the folder *adapter* merged into it, to the new folder *to*. All or nothing.

    Raises Conflict (*to* exists), InvalidInput (the format does not support the weights), UnsupportedPrecision
    (CTranslate2 is not installed), and what reading, fitting and loading raise.
    """
    if to.exists():
        raise Conflict(f"{to} exists already; name a new folder")
    if form == MergedModelFormat.TRANSFORMERS and weights == ExportWeights.INT8:
        raise InvalidInput("transformers quantises to int8 when it loads a model, not in its files; use float16")
    candidate = read_candidate(adapter, base)
    task, base_folder = resolve_base(candidate.base_model, models)
    check_base(adapter.name, candidate.metadata, candidate.base_model, lambda: weights_checksum(base_folder))
    check_fit(candidate, base_folder)
    write = _write_transformers if form == MergedModelFormat.TRANSFORMERS else _write_ctranslate
    return made_once(to, partial(write, candidate.folder, base_folder, task, weights))


def _write_transformers(adapter: Path, base: Path, task: AdapterTask, weights: ExportWeights, folder: Path) -> None:
    net = _merge_adapter(adapter, base, task).to(getattr(torch, weights))
    net.save_pretrained(folder)
    for pattern in BESIDE:
        for path in base.glob(pattern):
            if not (folder / path.name).exists() and not path.name.endswith(".index.json"):
                shutil.copyfile(path, folder / path.name)


def _write_ctranslate(adapter: Path, base: Path, task: AdapterTask, weights: ExportWeights, folder: Path) -> None:
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise UnsupportedPrecision(
            f"CTranslate2 is not installed ({error}). Run: pip install 'minutebook[ctranslate2]'"
        ) from error
    with TemporaryDirectory(prefix="minutebook-export-") as temporary:
        whole = Path(temporary)
        _write_transformers(adapter, base, task, ExportWeights.FLOAT32, whole)
        extra = [name for name in CTRANSLATE_FILES if (whole / name).is_file()]
        converter = TransformersConverter(str(whole), copy_files=extra)
        converter.convert(str(folder), quantization=weights, force=True)  # the folder exists and is empty


def _merge_adapter(adapter: Path, base: Path, task: AdapterTask) -> Any:
    """The model in 32 bits with the adapter merged into its weights, without any PEFT layers."""
    net = _load_base(base, task)
    inject(net, ADAPTER_NAME, adapter)
    for name, layer in [(name, module) for name, module in net.named_modules() if hasattr(module, "lora_A")]:
        layer.merge(adapter_names=[ADAPTER_NAME])
        parent, _, child = name.rpartition(".")
        setattr(net.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(net, "peft_config"):
        del net.peft_config
    return net


def _load_base(base: Path, task: AdapterTask) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, WhisperForConditionalGeneration

    if task == AdapterTask.ASR:
        return WhisperForConditionalGeneration.from_pretrained(
            base, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        )
    config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    return kind.from_pretrained(base, dtype=torch.float32, local_files_only=True, trust_remote_code=False)
