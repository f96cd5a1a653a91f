"""End-to-end training: one model turns audio into a summary, without a transcript in between.

Whisper's encoder reads windows of 30 s one by one, a connector turns its states into embeddings, and a text model (T5,
mBART or decoder-only) writes the summary from a prompt that has the embeddings in place of a text. The connector is
trained from scratch. Encoder and text model learn by the run's method, starting from their adapters if there are any.
The loss is that of the summary's tokens and its end.

A few summaries teach a connector next to nothing. A run may therefore start from a trained one (`connector`): one that
recognises the text model's tokens (recipe `connector`), or one that was trained to write transcripts (`writes: text`).
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
from training.data.checks import ExamplePart
from training.data.dataset import Example
from training.data.sources import first_examples, load_source
from training.e2e.connector import save_connector
from training.e2e.initialisation import adapter_products, embedding_rms, model_facts
from training.e2e.model import window_features
from training.e2e.net import TEXT, SpeechSummarizer, max_embedding_count, split_windows
from training.e2e.options import EndToEndOptions
from training.e2e.prompt import answer_tokens, build_prompt, training_batch
from training.e2e.saved import load_connector, load_speech_model, new_connector
from training.e2e.states import EncoderStates
from training.e2e.warm_start import add_products
from training.metrics.summaries import rouge
from training.networks.methods import linear_layers
from training.networks.precision import autocast, base_precision, norms_in_32_bits, prepare_for_training
from training.runs.config import RunConfig, validate
from training.runs.task import IGNORED, Batch, pad_rows
from workers.asr.error_rates import rate, word_errors
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.weights import resolve

log = logging.getLogger(__name__)
SPEECH_LINEAR = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_TOGETHER = 8
"""Recordings that are summarised at once for evaluation."""


def build(config: RunConfig, cache_dir: Path, device: str) -> EndToEndTask:
    """Load the data and the models. Raises InvalidConfig, InvalidData, AdapterMismatch, and what loading a model
    raises.
    """
    options = validate(EndToEndOptions, config.options, "options")
    needs: tuple[ExamplePart, ...] = ("audio", options.writes)
    train, dev = (first_examples(load_source(source, needs), source.limit) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    whisper = load_whisper(options.speech_model, cache_dir, base_precision(config), device)
    text = load_model(config.model, cache_dir, precision=base_precision(config), device=device)
    return EndToEndTask(config, options, whisper, text, train, dev, cache_dir)


class EndToEndTask:
    """The `TrainingTask` of the recipe `e2e`."""

    def __init__(
        self,
        config: RunConfig,
        options: EndToEndOptions,
        whisper: Whisper,
        text: TextModel,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
    ) -> None:
        self._config, self._options, self._text, self._cache_dir = config, options, text, cache_dir
        self._device = whisper.device
        self._begin = adapter_products(options, whisper, text)
        self._facts = model_facts(options, whisper, text)
        connector = new_connector(self._facts.shape, embedding_rms(text))
        if options.connector is not None:
            load_connector(connector, options.connector, text)
        self.net = prepare_for_training(SpeechSummarizer(whisper, text, connector, self._facts.audio_context))
        self.net.requires_grad_(False)
        self.targets: Sequence[str] = _targets(config, options, self.net)
        self.micro_batch = 1 if whisper.device == "cpu" else 8
        self._prompt = build_prompt(text, options.instruction, options.suffix)
        self._train, self._dev = self._fitting(train), self._fitting(dev)
        self._train_data, self._dev_data = train, dev
        self._states = None if options.states is None else EncoderStates(options.states, self.net, whisper.checksum())
        self.lengths: Sequence[float] = [train.lengths[index] for index in self._train]
        self.fingerprint = sha256(f"{train.fingerprint} {options.writes}".encode()).hexdigest()
        self._full = config.method.kind == "full"
        self._half = config.precision != "float32"
        if self._half:
            norms_in_32_bits(self.net.text)
        if config.gradient_checkpointing:
            self.net.text.gradient_checkpointing_enable({"use_reentrant": False})

    def after_attach(self) -> None:
        """The connector always learns. A frozen encoder does not."""
        self.net.connector.requires_grad_(True)
        if self._options.encoder == "frozen":
            self.net.speech.requires_grad_(False)
        for option, added in self._begin.items():
            add_products(self.net, added, f"options.{option}")

    def _fitting(self, data: Dataset) -> list[int]:
        """Indices of the examples that fit. Raises InvalidData if one does not fit and may not be left out."""
        fitting = []
        for index, example in enumerate(data):
            fault = self._misfit(example, data.lengths[index])
            if not fault:
                fitting.append(index)
            elif self._options.overlong == "refuse":
                raise InvalidData(f"{example.where}: {example.id} {fault}, or set options.overlong=leave_out.")
        if len(fitting) < len(data):
            log.warning("%d of %d examples are too long and are left out", len(data) - len(fitting), len(data))
        return fitting

    def _misfit(self, example: Example, seconds: float) -> str:
        """What is too long about *example* and how to help, or an empty string if it fits."""
        longest_s = self._options.longest_s
        if seconds > longest_s:
            return f"lasts {seconds:.1f} s; options.longest_s is {longest_s:g}. Cut it, raise options.longest_s"
        prompt = len(self._prompt) + max_embedding_count(seconds, self._facts.shape)
        answer = len(answer_tokens(self._text, self._answer(example)))
        room = self._text.context_tokens
        needed = prompt + max(answer, self._options.max_new_tokens) if self._text.continues else max(prompt, answer)
        if needed <= room:
            return ""
        return (
            f"has {prompt} positions of audio and {answer} tokens to write; {self._text.reference} fits {room}. "
            "Raise options.stack or options.downsample, cut the audio"
        )

    def _answer(self, example: Example) -> str:
        answer = example.text if self._options.writes == "text" else example.summary
        return " ".join((answer or "").split())

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return self._collated(self._train_data, [self._train[index] for index in indices])

    def _collated(self, data: Dataset, indices: Sequence[int]) -> Batch:
        """`windows` (B,) of each recording, `audible` (W,) positions of each window and `answers` (B, L); for the
        windows either `mel` (W, n_mels, frames) or all their `states` (S, D).
        """
        examples = [data[index] for index in indices]
        answers = [answer_tokens(self._text, self._answer(example)) for example in examples]
        windows, inputs = self._read(data, indices)
        tensors = {**inputs, "windows": torch.tensor(windows), "answers": pad_rows(answers, IGNORED)[0]}
        return Batch(tuple(example.id for example in examples), sum(map(len, answers)), tensors)

    def _read(self, data: Dataset, indices: Sequence[int]) -> tuple[list[int], dict[str, torch.Tensor]]:
        """The number of windows of each example, and the encoder's input or its cached states."""
        if self._states is None:
            windows = [split_windows(read_audio(data[index])) for index in indices]
            mel, audible = window_features(self.net, list(chain(*windows)))
            return [len(each) for each in windows], {"mel": mel, "audible": audible}
        kept = [self._states.read(data, index) for index in indices]
        states = list(chain(*kept))
        audible = torch.tensor([len(each) for each in states])
        return [len(each) for each in kept], {"states": torch.cat(states), "audible": audible}

    def loss(self, batch: Batch) -> torch.Tensor:
        with autocast(torch.bfloat16 if self._full and self._half else torch.float32, self._device):
            embeddings = self._audio_embeddings(batch.tensors)
        answers = [row[row != IGNORED].tolist() for row in batch.tensors["answers"]]
        prompts = training_batch(self._text, self._prompt, [len(each) for each in embeddings], answers)
        tensors = {name: tensor.to(self._device) for name, tensor in prompts.items()}
        with autocast(torch.bfloat16 if self._half else torch.float32, self._device):
            logits = self.net.logits(self.net.embed(tensors["tokens"], tensors["audio_positions"], embeddings), tensors)
        written = tensors["labels"] != IGNORED
        return cross_entropy(logits[written].float(), tensors["labels"][written], reduction="sum")

    def _audio_embeddings(self, tensors: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Embeddings (N, E) of each recording."""
        audible, windows = tensors["audible"], tensors["windows"].tolist()
        if "states" in tensors:
            states = list(torch.split_with_sizes(tensors["states"], audible.tolist()))
        else:
            recompute = self._config.gradient_checkpointing and self.net.training
            states = self.net.encode(tensors["mel"], audible, recompute)
        embeddings: list[torch.Tensor] = self.net.audio_embeddings(states, windows)
        return embeddings

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for indices in self._dev_batches(self._config.micro_batch or self.micro_batch):
            batch = self._collated(self._dev_data, indices).to(self._device)
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / max(units, 1)}

    def measure(self, folder: Path) -> dict[str, float]:
        """ROUGE of the summaries, or word error rate of the transcripts, that the saved model writes."""
        precision = "bfloat16" if self._full and self._half else self._config.precision
        model = load_speech_model(folder, self._cache_dir, precision=precision, device=self._device)
        pairs = [
            (self._answer(example), text, example.language)
            for examples in map(self._dev_examples, self._dev_batches(_TOGETHER))
            for example, text in zip(
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
        """Indices of the dev set, with similar lengths together."""
        order = sorted(self._dev, key=lambda index: self._dev_data.lengths[index])
        return (order[at : at + size] for at in range(0, len(order), size))

    def _dev_examples(self, indices: Sequence[int]) -> list[Example]:
        return [self._dev_data[index] for index in indices]

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


def _targets(config: RunConfig, options: EndToEndOptions, net: SpeechSummarizer) -> list[str]:
    """Names of the layers that learn. Raises InvalidConfig if method.targets match a frozen encoder."""
    encoder = [
        f"speech.{name}"
        for name, _ in net.speech.named_modules()
        if name.startswith("model.encoder.layers.") and name.rpartition(".")[2] in SPEECH_LINEAR
    ]
    chosen = config.method.targets
    reached = [name for name in encoder if any(name.endswith(f".{end}") or name == end for end in chosen)]
    if options.encoder == "frozen" and reached:
        raise InvalidConfig(
            f"method.targets {', '.join(chosen)} match {reached[0]} of the encoder, but options.encoder is frozen. "
            "Name the text model's layers in full (text....), or set options.encoder=adapted."
        )
    text = [f"text.{name}" for name in linear_layers(net.text)]
    return text if options.encoder == "frozen" else [*encoder, *text]
