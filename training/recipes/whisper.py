"""Speech recognition: Whisper learns to write the text of audio of up to 30 s.

The model is the serving code's own, so what is trained is what is served: the same features, the same start of text and
the same context. The error rate in the report is that of the serving engine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch.nn.functional import cross_entropy

from schema.core.errors import InvalidData, UnknownLanguage
from schema.core.units import WINDOW_LIMIT_S, WINDOW_LIMIT_SAMPLES, s_of_samples
from training.data import Dataset, ExampleLimits, read_audio, refuse_overlap
from training.data.checks import Fault, faults_error
from training.data.dataset import Example
from training.data.sources import first_examples, load_source
from training.data.training_fingerprints import write_fingerprints
from training.metrics.bootstrap import measured_change
from training.networks.precision import autocast, base_precision, prepare_for_training
from training.networks.whisper_net import decode, encode
from training.runs.config import RunConfig, Section, validate
from training.runs.task import Batch
from workers.asr.context import STRIDE, Context, audible_positions, condensed_context, full_context
from workers.asr.engine import Engine, load_engine
from workers.asr.error_rates import character_errors, word_errors
from workers.asr.features import log_mel
from workers.asr.hypothesis import Window
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.asr.weights.source import resolve

LINEAR = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_IGNORED = -100
_WINDOWS = 32


class WhisperOptions(Section):
    """Options of a Whisper run."""

    context: Literal["served", "full"] = "served"
    """How much silence after the audio the encoder reads. `served` condenses it as the workers do, at a fraction of the
    cost of the 30 s that `full` always reads.
    """


def build(config: RunConfig, cache_dir: Path, device: str) -> WhisperTask:
    """Load the data and the model. Raises InvalidConfig, InvalidData, and what loading a model raises."""
    options = validate(WhisperOptions, config.options, "options")
    train, dev = (
        load_source(source, ("audio", "text"), ExampleLimits(audio_s=WINDOW_LIMIT_S))
        for source in (config.train, config.dev)
    )
    refuse_overlap(train, dev)
    whisper = load_whisper(config.model, cache_dir, base_precision(config), device)
    prepare_for_training(whisper.net)
    return WhisperTask(
        config,
        options,
        whisper,
        first_examples(train, config.train.limit),
        first_examples(dev, config.dev.limit),
        cache_dir,
    )


class WhisperTask:
    """The `TrainingTask` of the recipe `whisper`: cross-entropy of the text's tokens and its end. As in serving, the
    start tokens are given.
    """

    targets: Sequence[str] = LINEAR

    def __init__(
        self,
        config: RunConfig,
        options: WhisperOptions,
        whisper: Whisper,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
    ) -> None:
        self.net = whisper.net
        self.lengths: Sequence[float] = train.lengths
        self.fingerprint = train.fingerprint
        # A CPU gains nothing from large batches, and the activations of a few rows stay in its cache.
        self.micro_batch = 2 if whisper.device == "cpu" else 16
        self._config, self._options, self._whisper = config, options, whisper
        self._train, self._dev, self._cache_dir = train, dev, cache_dir
        for data in (train, dev):
            self._check_texts(data)
        self._positions: int = whisper.net.config.max_source_positions
        self._mixed = (
            torch.bfloat16 if config.method.kind == "full" and config.precision == "bfloat16" else torch.float32
        )

    def after_attach(self) -> None:
        """The method alone decides what learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return self._collated([self._train[index] for index in indices])

    def _collated(self, examples: Sequence[Example]) -> Batch:
        windows = [read_audio(example) for example in examples]
        for example, window in zip(examples, windows, strict=True):
            _check_length(example, len(window))
        context = self._context([len(window) for window in windows])
        tokens, labels = _padded([self._tokens(example) for example in examples], self._whisper.vocabulary.end)
        tensors = {
            "mel": log_mel(windows, context.frames, self.net.config.num_mel_bins, self._whisper.device),
            "index": context.index,
            "tokens": tokens,
            "labels": labels,
        }
        if context.bias is not None:
            tensors["bias"] = context.bias
        return Batch(tuple(example.id for example in examples), int((labels != _IGNORED).sum()), tensors)

    def _context(self, samples: Sequence[int]) -> Context:
        if self._options.context == "full":
            return full_context(len(samples), self._positions, "cpu")
        audible = [audible_positions(count) for count in samples]
        return condensed_context(audible, self._positions, STRIDE, "cpu", self._whisper.dtype)

    def _tokens(self, example: Example) -> tuple[list[int], list[int]]:
        """The given tokens (start of text) and the tokens to write (text and end). Raises UnknownLanguage."""
        vocabulary = self._whisper.vocabulary
        start = vocabulary.start_tokens(example.language)
        return start, [*vocabulary.encode(f" {(example.text or '').strip()}"), vocabulary.end]

    def _check_texts(self, data: Dataset) -> None:
        """Raises InvalidData for texts that the model cannot write, before the first step."""
        faults = [fault for example in data if (fault := self._fault(example)) is not None]
        if faults:
            raise faults_error(faults)

    def _fault(self, example: Example) -> Fault | None:
        try:
            start, written = self._tokens(example)
        except UnknownLanguage as error:
            return Fault(example.where, error.detail)
        room = self.net.config.max_target_positions - len(start)
        count = len(written) - 1  # the end is written, but never read
        if count <= room:
            return None
        return Fault(
            example.where,
            f"the text of {example.id} has {count} tokens; the model writes at most {room}. Split it at a pause",
        )

    def loss(self, batch: Batch) -> torch.Tensor:
        tensors, recompute = batch.tensors, self._config.gradient_checkpointing and self.net.training
        context = Context(tensors["index"], tensors.get("bias"), tensors["mel"].shape[-1])
        with autocast(self._mixed, self._whisper.device):
            states = encode(self.net, tensors["mel"], context, recompute)
            hidden = decode(self.net, tensors["tokens"], states, context.bias, recompute)
            written = tensors["labels"] != _IGNORED
            logits = self.net.proj_out(hidden[written])
        return cross_entropy(logits.float(), tensors["labels"][written], reduction="sum")

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for examples in self._dev_batches(self._config.micro_batch or self.micro_batch):
            batch = self._collated(examples).to(self._whisper.device)
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / max(units, 1)}

    def measure(self, folder: Path) -> dict[str, float]:
        """Word and character error rate of the engine with what was learnt, and of the base model for comparison."""
        full = self._config.method.kind == "full"
        base = self._engine(self._config.model, {} if full else {"trained": folder})
        before = list(self._texts(base, None))
        trained = self._engine(str(folder), {}) if full else base
        return _error_rates(before, list(self._texts(trained, None if full else "trained")))

    def _engine(self, reference: str, adapters: dict[str, Path]) -> Engine:
        precision, device = self._config.precision, self._whisper.device
        return load_engine(
            reference, self._cache_dir, precision, device, adapters, 1 if self._options.context == "full" else STRIDE
        )

    def _texts(self, engine: Engine, adapter: str | None) -> Iterator[tuple[Example, str]]:
        for examples in self._dev_batches(_WINDOWS):
            windows = [Window(read_audio(e), language=e.language, adapter=adapter) for e in examples]
            texts = (hypothesis.text for hypothesis in engine.transcribe(windows))
            yield from zip(examples, texts, strict=True)

    def _dev_batches(self, size: int) -> Iterator[Sequence[Example]]:
        """The dev set in batches of similar length."""
        order = sorted(range(len(self._dev)), key=lambda index: self._dev.lengths[index])
        for at in range(0, len(order), size):
            yield [self._dev[index] for index in order[at : at + size]]

    def metadata(self) -> dict[str, object]:
        return {"audio_context": False}

    def add_files(self, folder: Path) -> None:
        write_fingerprints(folder, self._train)
        if self._config.method.kind != "full":
            return
        for path in resolve(self._config.model, self._cache_dir).glob("*.json"):
            if not (folder / path.name).exists():
                shutil.copy(path, folder)


def _error_rates(before: Sequence[tuple[Example, str]], after: Sequence[tuple[Example, str]]) -> dict[str, float]:
    """Error rates of the texts read without and with what was learnt; both are in the same order."""
    units = [example.group or example.id for example, _ in before]
    figures: dict[str, float] = {}
    for name, errors in (("wer", word_errors), ("cer", character_errors)):
        base, trained = (
            [errors(example.text or "", text, example.language) for example, text in texts] for texts in (before, after)
        )
        figures |= measured_change(name, base, trained, units)
    return figures


def _check_length(example: Example, samples: int) -> None:
    if not 0 < samples <= WINDOW_LIMIT_SAMPLES:
        raise InvalidData(
            f"{example.where}: {example.id} lasts {s_of_samples(samples):.1f} s; Whisper reads at most "
            f"{WINDOW_LIMIT_S} s at once. Split it at pauses."
        )


def _padded(rows: Sequence[tuple[list[int], list[int]]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Decoder inputs and labels (B, T). Each label is the token after its input, or `IGNORED` if that token is
    given.
    """
    longest = max(len(start) + len(text) - 1 for start, text in rows)
    tokens = torch.full((len(rows), longest), fill)
    labels = torch.full((len(rows), longest), _IGNORED)
    for index, (start, text) in enumerate(rows):
        given = [*start, *text[:-1]]
        tokens[index, : len(given)] = torch.tensor(given)
        labels[index, len(start) - 1 : len(given)] = torch.tensor(text)
    return tokens, labels
