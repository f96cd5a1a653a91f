"""End to end: audio becomes a summary in one model, without a transcript between.

Whisper's encoder reads windows of 30 s one by one, a connector makes embeddings of its states, and a text model (T5,
mBART, decoder-only) that is asked with them in the place of a text writes the summary. The connector learns from
nothing; encoder and text model learn by the run's method, from their adapters if there are some. The loss is that of
the summary's tokens and the end behind them.

A connector learns next to nothing from a few summaries. A run may begin with one that has learnt before (`connector`):
to tell the text model's tokens (recipe `connector`), or to have it write what is said (`writes: text`).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from statistics import fmean

import torch
from torch.nn.functional import cross_entropy

from schema.core.errors import InvalidConfig, InvalidData
from training.data import Dataset, read_audio, refuse_overlap
from training.data.checks import Part
from training.data.dataset import Example
from training.data.sources import first, read
from training.e2e.connector import save_connector
from training.e2e.initialisation import facts, loudness, products
from training.e2e.model import features
from training.e2e.net import TEXT, SpeechSummarizer, cut, most_embeddings
from training.e2e.options import Options
from training.e2e.prompt import prompt, taught, written
from training.e2e.saved import load_connector, load_speech_model, new_connector
from training.e2e.states import EncoderStates
from training.e2e.warm_start import begin_with
from training.metrics.errors import rate, word_errors
from training.metrics.rouge import rouge
from training.networks.precision import base_precision, mixed, trains_here
from training.networks.text_net import IGNORED, linear_layers, norms_in_32_bits, padded
from training.runs.config import Config, validated
from training.runs.task import Batch
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.weights import resolve

log = logging.getLogger(__name__)
SPEECH_LINEAR = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_TOGETHER = 8
"""Recordings that are summed up at once to be measured."""


def build(config: Config, cache_dir: Path, device: str) -> EndToEndTask:
    """Raises InvalidConfig, InvalidData, AdapterMismatch, and what loading a model raises."""
    options = validated(Options, config.options, "options")
    needs: tuple[Part, ...] = ("audio", options.writes)
    train, dev = (first(read(source, needs), source.limit) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    whisper = load_whisper(options.speech_model, cache_dir, base_precision(config), device)
    text = load_model(config.model, cache_dir, precision=base_precision(config), device=device)
    return EndToEndTask(config, options, whisper, text, train, dev, cache_dir)


class EndToEndTask:
    """A `Task`."""

    def __init__(
        self,
        config: Config,
        options: Options,
        whisper: Whisper,
        text: TextModel,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
    ) -> None:
        self._config, self._options, self._text, self._cache_dir = config, options, text, cache_dir
        self._device = whisper.device
        self._begin = products(options, whisper, text)
        self._facts = facts(options, whisper, text)
        connector = new_connector(self._facts.shape, loudness(text))
        if options.connector is not None:
            load_connector(connector, options.connector, text)
        self.net = trains_here(SpeechSummarizer(whisper, text, connector, self._facts.audio_context))
        self.net.requires_grad_(False)
        self.targets: Sequence[str] = _targets(config, options, self.net)
        self.micro_batch = 1 if whisper.device == "cpu" else 8
        self._prompt = prompt(text, options.instruction, options.suffix)
        self._train, self._dev = self._fitting(train), self._fitting(dev)
        self._train_data, self._dev_data = train, dev
        self._states = None if options.states is None else EncoderStates(options.states, self.net, whisper.checksum())
        self.lengths: Sequence[float] = [train.lengths[place] for place in self._train]
        self.fingerprint = sha256(f"{train.fingerprint} {options.writes}".encode()).hexdigest()
        self._full = config.method.kind == "full"
        self._half = config.precision != "float32"
        if self._half:
            norms_in_32_bits(self.net.text)
        if config.gradient_checkpointing:
            self.net.text.gradient_checkpointing_enable({"use_reentrant": False})

    def attached(self) -> None:
        """The connector learns whatever the method is; the encoder does not if it is frozen."""
        self.net.connector.requires_grad_(True)
        if self._options.encoder == "frozen":
            self.net.speech.requires_grad_(False)
        for option, added in self._begin.items():
            begin_with(self.net, added, f"options.{option}")

    def _fitting(self, data: Dataset) -> list[int]:
        """Places of the examples that may and can be read. Raises InvalidData when one cannot be and may not be left
        out."""
        fitting = []
        for place, example in enumerate(data):
            fault = self._misfit(example, data.lengths[place])
            if not fault:
                fitting.append(place)
            elif self._options.overlong == "refuse":
                raise InvalidData(f"{example.where}: {example.id} {fault}, or set options.overlong=leave_out.")
        if len(fitting) < len(data):
            log.warning("%d of %d examples are too long and left out", len(data) - len(fitting), len(data))
        return fitting

    def _misfit(self, example: Example, seconds: float) -> str:
        """What is too long in *example*, and what helps; empty if it fits."""
        longest_s = self._options.longest_s
        if seconds > longest_s:
            return f"lasts {seconds:.1f} s; options.longest_s is {longest_s:g}. Cut it, raise that"
        heard = len(self._prompt) + most_embeddings(seconds, self._facts.shape)
        said = len(written(self._text, self._answer(example)))
        room = self._text.context_tokens
        needed = heard + max(said, self._options.max_new_tokens) if self._text.continues else max(heard, said)
        if needed <= room:
            return ""
        return (
            f"has {heard} places of audio and {said} tokens to write; {self._text.reference} has room for {room}. "
            "Raise options.stack or options.downsample, cut the audio"
        )

    def _answer(self, example: Example) -> str:
        answer = example.text if self._options.writes == "text" else example.summary
        return " ".join((answer or "").split())

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing here is random
        return self._collated(self._train_data, [self._train[place] for place in places])

    def _collated(self, data: Dataset, places: Sequence[int]) -> Batch:
        """`windows` (B,) of each recording, `audible` (W,) positions of each window, `answers` (B, L); of the windows
        either `mel` (W, n_mels, frames) or all their `states` (S, D)."""
        examples = [data[place] for place in places]
        answers = [written(self._text, self._answer(example)) for example in examples]
        windows, heard = self._read(data, places)
        tensors = {**heard, "windows": torch.tensor(windows), "answers": padded(answers, IGNORED)[0]}
        return Batch(tuple(example.id for example in examples), sum(map(len, answers)), tensors)

    def _read(self, data: Dataset, places: Sequence[int]) -> tuple[list[int], dict[str, torch.Tensor]]:
        """How many windows each example has, and what the encoder reads, or what it made of them already."""
        if self._states is None:
            windows = [cut(read_audio(data[place])) for place in places]
            mel, audible = features(self.net, list(chain(*windows)))
            return [len(each) for each in windows], {"mel": mel, "audible": audible}
        kept = [self._states.read(data, place) for place in places]
        states = list(chain(*kept))
        audible = torch.tensor([len(each) for each in states])
        return [len(each) for each in kept], {"states": torch.cat(states), "audible": audible}

    def loss(self, batch: Batch) -> torch.Tensor:
        with mixed(torch.bfloat16 if self._full and self._half else torch.float32, self._device):
            heard = self._heard(batch.tensors)
        answers = [row[row != IGNORED].tolist() for row in batch.tensors["answers"]]
        asked = taught(self._text, self._prompt, [len(each) for each in heard], answers)
        tensors = {name: tensor.to(self._device) for name, tensor in asked.items()}
        with mixed(torch.bfloat16 if self._half else torch.float32, self._device):
            logits = self.net.logits(self.net.embed(tensors["tokens"], tensors["places"], heard), tensors)
        wanted = tensors["labels"] != IGNORED
        return cross_entropy(logits[wanted].float(), tensors["labels"][wanted], reduction="sum")

    def _heard(self, tensors: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Embeddings (N, E) of each recording."""
        audible, windows = tensors["audible"], tensors["windows"].tolist()
        if "states" in tensors:
            states = list(torch.split_with_sizes(tensors["states"], audible.tolist()))
        else:
            recompute = self._config.gradient_checkpointing and self.net.training
            states = self.net.encode(tensors["mel"], audible, recompute)
        heard: list[torch.Tensor] = self.net.hear(states, windows)
        return heard

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for places in self._dev_batches(self._config.micro_batch or self.micro_batch):
            batch = self._collated(self._dev_data, places).to(self._device)
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / max(units, 1)}

    def measure(self, folder: Path) -> dict[str, float]:
        """ROUGE of the summaries, or word error rate of the texts, that the saved model writes."""
        precision = "bfloat16" if self._full and self._half else self._config.precision
        model = load_speech_model(folder, self._cache_dir, precision=precision, device=self._device)
        pairs = [
            (self._answer(example), said, example.language)
            for examples in map(self._dev_examples, self._dev_batches(_TOGETHER))
            for example, said in zip(
                examples, model.write([read_audio(e) for e in examples], self._options.max_new_tokens), strict=True
            )
        ]
        if not pairs:
            return {}
        if self._options.writes == "text":
            return {"wer": rate(word_errors(*pair) for pair in pairs)}
        scores = [rouge(*pair) for pair in pairs]
        figures = {"rouge1": "r1", "rouge2": "r2", "rougeL": "l", "rougeLsum": "lsum"}
        return {name: fmean(getattr(score, key) for score in scores) for name, key in figures.items()}

    def _dev_batches(self, size: int) -> Iterator[list[int]]:
        """Places in the dev set, those of like length together."""
        order = sorted(self._dev, key=lambda place: self._dev_data.lengths[place])
        return (order[at : at + size] for at in range(0, len(order), size))

    def _dev_examples(self, places: Sequence[int]) -> list[Example]:
        return [self._dev_data[place] for place in places]

    def add_files(self, folder: Path) -> None:
        save_connector(self.net.connector, folder)
        if not self._full:
            return
        source = resolve(self._config.model, self._cache_dir)
        for path in chain(*(source.glob(f"*.{ending}") for ending in ("json", "model", "txt"))):
            if not (folder / TEXT / path.name).exists():
                shutil.copy(path, folder / TEXT)

    def metadata(self) -> dict[str, object]:
        return self._facts.dump()


def _targets(config: Config, options: Options, net: SpeechSummarizer) -> list[str]:
    """Names of the layers that learn. Raises InvalidConfig where method.targets reach into a frozen encoder."""
    heard = [
        f"speech.{name}"
        for name, _ in net.speech.named_modules()
        if name.startswith("model.encoder.layers.") and name.rpartition(".")[2] in SPEECH_LINEAR
    ]
    chosen = config.method.targets
    reached = [name for name in heard if any(name.endswith(f".{end}") or name == end for end in chosen)]
    if options.encoder == "frozen" and reached:
        raise InvalidConfig(
            f"method.targets {', '.join(chosen)} match {reached[0]} of the encoder, and options.encoder is frozen. "
            "Name the text model's layers in full (text....), or set options.encoder=adapted."
        )
    text = [f"text.{name}" for name in linear_layers(net.text)]
    return text if options.encoder == "frozen" else [*heard, *text]
