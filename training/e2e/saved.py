"""The result of an end-to-end run as a folder, written and loaded again.

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
from training.e2e.connector import CONNECTOR, Connector, Shape
from training.e2e.ctc import CtcConnector
from training.e2e.model import TOKENS, SpeechModel
from training.e2e.net import ENCODER, TEXT, SpeechSummarizer
from training.networks.methods import METADATA, NAME
from training.networks.precision import QUANTISED
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.models.lora import inject, read_json
from workers.models.precision import choose_device, choose_precision
from workers.summarize.writing.model import TextModel, load_model

RESULTS = ("adapter", "model")
"""What a run's folder calls it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What `minutebook.json` says of an end-to-end model."""

    speech_model: str
    speech_checksum: str
    base_model: str
    base_checksum: str
    shape: Shape
    instruction: str
    suffix: str
    audio_context: bool
    longest_s: float
    """The longest audio that it was let learn from."""
    writes: str
    """`summary`, or `text` for a model that learnt to write down what is said; `tokens` where the connector learnt to
    by itself."""

    def dump(self) -> dict[str, object]:
        facts = {name: getattr(self, name) for name in self.__slots__ if name != "shape"}
        return {**facts, "connector": asdict(self.shape)}

    @classmethod
    def load(cls, folder: Path) -> Facts:
        """Raises BrokenModel."""
        values = read_json(folder / METADATA)
        try:
            own = {name: values[name] for name in cls.__slots__ if name != "shape"}
            return cls(**own, shape=Shape(**values["connector"]))
        except (KeyError, TypeError) as error:
            raise BrokenModel(
                f"{folder / METADATA} is not of an end-to-end model: {error!r}. Give the folder of a run of recipe e2e."
            ) from error


def result_folder(folder: Path) -> Path:
    """*folder*, or where the result lies if it is a run's. Raises BrokenModel where there is none."""
    for place in (folder, *(folder / name for name in RESULTS)):
        if (place / CONNECTOR).is_file():
            return place
    raise BrokenModel(f"{folder} holds no {CONNECTOR}; give the folder of a finished run of recipe e2e or connector.")


def new_connector(shape: Shape, loudness: float = 1.0) -> Connector | CtcConnector:
    """One of *shape* with weights from chance."""
    return CtcConnector(shape) if shape.vocabulary else Connector(shape, loudness)


def saved_shape(folder: Path) -> Shape:
    """That of the connector in the result *folder*. Raises BrokenModel."""
    return Facts.load(result_folder(folder)).shape


def load_connector(connector: Connector | CtcConnector, folder: Path, text: TextModel) -> None:
    """Give *connector* the weights in the result *folder*.

    Raises BrokenModel, and AdapterMismatch for another shape, or the tokens of another text model than *text*.
    """
    place = result_folder(folder)
    facts = Facts.load(place)
    if facts.shape != connector.shape:
        raise AdapterMismatch(
            f"The connector in {place} has {facts.shape}; the one that is to begin with it has {connector.shape}. Use "
            "the same models and the same options stack, downsample and hidden."
        )
    if facts.shape.vocabulary:
        _check_base(place, facts.base_model, facts.base_checksum, text)
    _fill(connector, place / CONNECTOR)


def load_speech_model(
    folder: Path,
    cache_dir: Path,
    *,
    precision: str = "auto",
    device: str = "auto",
    speech: str | None = None,
    text: str | None = None,
) -> SpeechModel:
    """Load the end-to-end model in *folder*, a run's or its result's.

    *speech* and *text* name its base models where they go by other names here. Raises BrokenModel, AdapterMismatch (a
    base of other weights), UnsupportedPrecision (int8 or int4 after method full), and what loading a model raises.
    """
    place = result_folder(folder)
    facts = Facts.load(place)
    whole = (place / TEXT).is_dir()
    if whole and precision in QUANTISED:
        raise UnsupportedPrecision(f"{place} was trained whole; it is not rounded to {precision}. Use bfloat16.")
    # A Whisper's `auto` may be the 8 bits of the engine's own encoder.
    precision = choose_precision(precision, choose_device(device))
    whisper = load_whisper(speech or facts.speech_model, cache_dir, precision, device)
    _check_base(place, facts.speech_model, facts.speech_checksum, whisper)
    model = load_model(
        str(place / TEXT) if whole else text or facts.base_model, cache_dir, precision=precision, device=device
    )
    if not whole:
        _check_base(place, facts.base_model, facts.base_checksum, model)
    net = SpeechSummarizer(whisper, model, new_connector(facts.shape), facts.audio_context)
    _check_widths(place, facts, net)
    _fill(net.connector, place / CONNECTOR)
    if (place / ENCODER).is_file():
        _fill(net.speech.model.encoder, place / ENCODER)
    if not whole and facts.writes != TOKENS:
        inject(net, NAME, place)
    return SpeechModel(net.eval().requires_grad_(False), model, facts.instruction, facts.suffix, facts.writes)


def _check_base(folder: Path, reference: str, checksum: str, model: Whisper | TextModel) -> None:
    if model.checksum() != checksum:
        raise AdapterMismatch(
            f"{folder} was trained on {reference!r} (weights {checksum[:12]}), but {model.reference!r} has other "
            f"weights ({model.checksum()[:12]}). Give the model that it was trained on."
        )


def _check_widths(folder: Path, facts: Facts, net: SpeechSummarizer) -> None:
    own: Mapping[str, tuple[int, int]] = {
        facts.speech_model: (facts.shape.speech_width, net.speech.config.d_model),
        facts.base_model: (facts.shape.text_width, net.text.get_input_embeddings().weight.shape[1]),
    }
    for reference, (width, found) in own.items():
        if width != found:
            raise AdapterMismatch(
                f"The connector in {folder} is for a width of {width}; {reference} has {found}. Train it for this one."
            )


def _fill(module: Any, path: Path) -> None:
    """Raises BrokenModel."""
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        fault = " ".join(str(error).split())[:200]
        raise BrokenModel(f"{path} does not hold the weights that belong there: {fault}. Train it again.") from error
