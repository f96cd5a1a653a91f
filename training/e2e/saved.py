"""Saves and loads the result of an end-to-end run.

minutebook.json            both base models with their checksums, the connector's shape, the prompt
connector.safetensors      the connector
adapter_config.json, adapter_model.safetensors     one PEFT adapter over both models (lora, adalora)
encoder.safetensors, text/                         the weights themselves (full)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from schema.core.errors import AdapterMismatch, BrokenModel, UnsupportedPrecision
from training.e2e.connector import CONNECTOR, Connector, ConnectorShape
from training.e2e.ctc import CtcConnector
from training.e2e.model import TOKENS, SpeechModel
from training.e2e.net import ENCODER, TEXT, SpeechSummarizer
from training.networks.methods import ADAPTER_NAME, METADATA
from training.networks.precision import QUANTISED
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.models.lora import inject, read_json
from workers.models.precision import choose_device, choose_precision
from workers.summarize.writing.model import TextModel, load_model

RESULTS = ("adapter", "model")
"""Names of the result in a run's folder."""


@dataclass(frozen=True, slots=True)
class SpeechModelFacts:
    """The content of `minutebook.json` for an end-to-end model."""

    speech_model: str
    speech_checksum: str
    base_model: str
    base_checksum: str
    shape: ConnectorShape
    instruction: str
    suffix: str
    audio_context: bool
    longest_s: float
    """The longest audio in its training."""
    writes: str
    """`summary`, `text` for a model that learnt to transcribe, or `tokens` for a connector that transcribes by
    itself.
    """

    def dump(self) -> dict[str, object]:
        facts = {name: getattr(self, name) for name in self.__slots__ if name != "shape"}
        return {**facts, "connector": asdict(self.shape)}

    @classmethod
    def load(cls, folder: Path) -> SpeechModelFacts:
        """Raises BrokenModel."""
        values = read_json(folder / METADATA)
        try:
            own = {name: values[name] for name in cls.__slots__ if name != "shape"}
            return cls(**own, shape=ConnectorShape(**values["connector"]))
        except (KeyError, TypeError) as error:
            raise BrokenModel(
                f"{folder / METADATA} does not describe an end-to-end model: {error!r}. Give the folder of an e2e run."
            ) from error


def result_folder(folder: Path) -> Path:
    """*folder* itself, or the result inside it if it is a run's folder. Raises BrokenModel if there is none."""
    for result in (folder, *(folder / name for name in RESULTS)):
        if (result / CONNECTOR).is_file():
            return result
    raise BrokenModel(
        f"{folder} contains no {CONNECTOR}; give the folder of a finished run of recipe e2e or connector."
    )


def new_connector(shape: ConnectorShape, loudness: float = 1.0) -> Connector | CtcConnector:
    """A connector of *shape* with random weights."""
    return CtcConnector(shape) if shape.vocabulary else Connector(shape, loudness)


def saved_shape(folder: Path) -> ConnectorShape:
    """The shape of the connector in the result *folder*. Raises BrokenModel."""
    return SpeechModelFacts.load(result_folder(folder)).shape


def load_connector(connector: Connector | CtcConnector, folder: Path, text: TextModel) -> None:
    """Load the weights in the result *folder* into *connector*.

    Raises BrokenModel, and AdapterMismatch if the shape differs or the tokens belong to another text model than *text*.
    """
    result = result_folder(folder)
    facts = SpeechModelFacts.load(result)
    if facts.shape != connector.shape:
        raise AdapterMismatch(
            f"The connector in {result} has {facts.shape}; the connector of this run has {connector.shape}. Use "
            "the same models and the same options stack, downsample and hidden."
        )
    if facts.shape.vocabulary:
        _check_base(result, facts.base_model, facts.base_checksum, text)
    _load_weights(connector, result / CONNECTOR)


def load_speech_model(
    folder: Path,
    cache_dir: Path,
    *,
    precision: str = "auto",
    device: str = "auto",
    speech: str | None = None,
    text: str | None = None,
) -> SpeechModel:
    """Load the end-to-end model in *folder*, which is a run's folder or its result.

    *speech* and *text* name its base models if they have other names here. Raises BrokenModel, AdapterMismatch (the
    base has other weights), UnsupportedPrecision (int8 or int4 after method full), and what loading a model raises.
    """
    result = result_folder(folder)
    facts = SpeechModelFacts.load(result)
    whole = (result / TEXT).is_dir()
    if whole and precision in QUANTISED:
        raise UnsupportedPrecision(
            f"{result} was trained with method full and cannot be rounded to {precision}. Use bfloat16."
        )
    # For a Whisper, `auto` may choose the 8 bits of the engine's own encoder, which this network cannot use.
    precision = choose_precision(precision, choose_device(device))
    whisper = load_whisper(speech or facts.speech_model, cache_dir, precision, device)
    _check_base(result, facts.speech_model, facts.speech_checksum, whisper)
    model = load_model(
        str(result / TEXT) if whole else text or facts.base_model, cache_dir, precision=precision, device=device
    )
    if not whole:
        _check_base(result, facts.base_model, facts.base_checksum, model)
    net = SpeechSummarizer(whisper, model, new_connector(facts.shape), facts.audio_context)
    _check_widths(result, facts, net)
    _load_weights(net.connector, result / CONNECTOR)
    if (result / ENCODER).is_file():
        _load_weights(net.speech.model.encoder, result / ENCODER)
    if not whole and facts.writes != TOKENS:
        inject(net, ADAPTER_NAME, result)
    return SpeechModel(net.eval().requires_grad_(False), model, facts.instruction, facts.suffix, facts.writes)


def _check_base(folder: Path, reference: str, checksum: str, model: Whisper | TextModel) -> None:
    if model.checksum() != checksum:
        raise AdapterMismatch(
            f"{folder} was trained on {reference!r} (weights {checksum[:12]}), but {model.reference!r} has other "
            f"weights ({model.checksum()[:12]}). Give the model that it was trained on."
        )


def _check_widths(folder: Path, facts: SpeechModelFacts, net: SpeechSummarizer) -> None:
    widths: Mapping[str, tuple[int, int]] = {
        facts.speech_model: (facts.shape.speech_width, net.speech.config.d_model),
        facts.base_model: (facts.shape.text_width, net.text.get_input_embeddings().weight.shape[1]),
    }
    for reference, (width, found) in widths.items():
        if width != found:
            raise AdapterMismatch(
                f"The connector in {folder} expects a width of {width}; {reference} has {found}. Train one for it."
            )


def _load_weights(module: Any, path: Path) -> None:
    """Load the weights in *path* into *module*. Raises BrokenModel."""
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        fault = " ".join(str(error).split())[:200]
        raise BrokenModel(f"{path} does not contain the expected weights: {fault}. Train it again.") from error
