"""Summaries: a text model learns to write the summary of a text, T5 and mBART as well as decoder-only models.

Both are asked as the workers ask: an encoder–decoder model reads the instruction and the text, a decoder-only one goes
on behind instruction, text and `options.suffix`. The loss is that of the summary's tokens and the end behind them,
nothing else.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import torch
from torch.nn.functional import cross_entropy

from schema.core.errors import InvalidData
from training.data import Dataset, refuse_overlap
from training.data.dataset import Example
from training.data.sources import first, read
from training.data.training_fingerprints import write_learnt_from
from training.metrics.bootstrap import measured_change
from training.metrics.rouge import Rouge, rouge
from training.networks.precision import base_precision, mixed, trains_here
from training.networks.text_net import IGNORED, linear_layers, norms_in_32_bits, padded
from training.runs.config import Config, Section, validated
from training.runs.task import Batch
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.model_notes import SUMMARY_TOKENS
from workers.summarize.writing.weights import resolve

log = logging.getLogger(__name__)
_PROMPTS = 8
ROUGES = {"rouge1": "r1", "rouge2": "r2", "rougeL": "l", "rougeLsum": "lsum"}
"""What a run calls them, and what `Rouge` does."""


class Options(Section):
    """`options` of a summary run."""

    instruction: str = T5_TASK
    suffix: str = "\nMinutes:"
    """Behind the text for a decoder-only model, which has no other way to know where the summary begins."""
    language: str | None = None
    """The only language in which the workers ask the adapter for notes; any, without."""
    overlong: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of an example that the model cannot read at once. None is cut: the workers cut no text either."""
    max_new_tokens: int = SUMMARY_TOKENS
    """Of a summary that is written to be measured."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One example: what is read and what is to be written, the end included."""

    read: list[int]
    written: list[int]


def build(config: Config, cache_dir: Path, device: str) -> SummaryTask:
    """Raises InvalidConfig, InvalidData, and what loading a model raises."""
    options = validated(Options, config.options, "options")
    train, dev = (first(read(source, ("text", "summary")), source.limit) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    model = load_model(config.model, cache_dir, precision=base_precision(config), device=device)
    trains_here(model.net)
    return SummaryTask(config, options, model, train, dev, cache_dir, device)


class SummaryTask:
    """A `Task`."""

    def __init__(
        self,
        config: Config,
        options: Options,
        model: TextModel,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
        device: str,
    ) -> None:
        self.net = model.net
        self.targets: Sequence[str] = sorted({name.rpartition(".")[2] for name in linear_layers(model.net)})
        self.fingerprint = train.fingerprint
        self.micro_batch = 4 if device == "cpu" else 8
        self._config, self._options, self._model = config, options, model
        self._cache_dir, self._device = cache_dir, device
        self._train, self._dev = self._fitting(train), self._fitting(dev)
        self.lengths: Sequence[float] = [length for _, length in self._train]
        self._train_data, self._dev_data = train, dev
        self._mixed = torch.float32
        if config.precision != "float32":
            self._mixed = torch.bfloat16
            norms_in_32_bits(model.net)
        if config.gradient_checkpointing:
            self.net.gradient_checkpointing_enable({"use_reentrant": False})

    def _fitting(self, data: Dataset) -> list[tuple[int, float]]:
        """(place, tokens) of the examples that the model can read. Raises InvalidData when one cannot be and may not
        be left out."""
        fitting, left_out = [], 0
        for place, example in enumerate(data):
            try:
                tokens = self._tokens(example)
            except InvalidData:
                if self._options.overlong != "leave_out":
                    raise
                left_out += 1
                continue
            fitting.append((place, float(len(tokens.read) + len(tokens.written))))
        if left_out:
            log.warning("%d of %d examples are too long for the model and left out", left_out, len(data))
        return fitting

    def _tokens(self, example: Example) -> Tokens:
        """Raises InvalidData when the example is too long."""
        tokenizer, options = self._model.tokenizer, self._options
        text, summary = (example.text or "").strip(), (example.summary or "").strip()
        if self._model.continues:
            prompt = tokenizer(f"{text}{options.suffix}", add_special_tokens=False).input_ids
            read = [*tokenizer(options.instruction).input_ids, *prompt]
            written = [*tokenizer(f" {summary}", add_special_tokens=False).input_ids, tokenizer.eos_token_id]
            longest = len(read) + max(len(written), options.max_new_tokens)
        else:
            read = tokenizer(options.instruction + text).input_ids
            written = tokenizer(text_target=summary).input_ids
            longest = max(len(read), len(written))
        if longest > self._model.context_tokens:
            raise InvalidData(
                f"{example.where}: {example.id} has {len(read)} tokens of text and {len(written)} of summary; "
                f"{self._model.reference} has room for {self._model.context_tokens}. Split it, or set "
                "options.overlong=leave_out."
            )
        return Tokens(read, written)

    def attached(self) -> None:
        """Nothing learns but what the method says."""

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing here is random
        return self._collated([self._train_data[self._train[place][0]] for place in places])

    def _collated(self, examples: Sequence[Example]) -> Batch:
        rows = [self._tokens(example) for example in examples]
        tensors = self._continued(rows) if self._model.continues else self._answered(rows)
        units = sum(len(row.written) for row in rows)
        return Batch(tuple(example.id for example in examples), units, tensors)

    def _continued(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Padded on the left, so that the summaries end together and the vocabulary is multiplied there only."""
        whole = [row.read + row.written for row in rows]
        tokens, mask = padded(whole, self._fill, left=True)
        kept = max(len(row.written) for row in rows)
        labels, _ = padded([row.written for row in rows], IGNORED, left=True)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return {
            "input_ids": tokens[:, :-1],
            "attention_mask": mask[:, :-1],
            "position_ids": positions[:, :-1],
            "labels": labels[:, -kept:],
        }

    def _answered(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        tokens, mask = padded([row.read for row in rows], self._fill)
        labels, _ = padded([row.written for row in rows], IGNORED)
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    @property
    def _fill(self) -> int:
        return int(self._model.tokenizer.pad_token_id or 0)

    def loss(self, batch: Batch) -> torch.Tensor:
        inputs = dict(batch.tensors)
        labels = inputs.pop("labels")
        written = labels != IGNORED
        with mixed(self._mixed, self._device):
            logits = self._continuing(inputs, written) if self._model.continues else self._answering(inputs, labels)
        return cross_entropy(logits.float(), labels[written], reduction="sum")

    def _continuing(self, inputs: dict[str, torch.Tensor], written: torch.Tensor) -> torch.Tensor:
        """(written tokens, vocabulary). The rows are taken out first, so that one flat product is all that the
        vocabulary costs: otherwise its matrix is copied, two thirds of the forward pass on a processor."""
        body = self.net.get_decoder()
        hidden = body(**inputs, use_cache=False).last_hidden_state[:, -written.shape[1] :]
        logits: torch.Tensor = self.net.get_output_embeddings()(hidden[written])
        return logits

    def _answering(self, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        given = self.net.prepare_decoder_input_ids_from_labels(labels=labels)
        logits: torch.Tensor = self.net(**inputs, decoder_input_ids=given, use_cache=False).logits
        return logits[labels != IGNORED]

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for examples in self._dev_batches(self._config.micro_batch or self.micro_batch):
            batch = self._collated(examples).to(self._device)
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / max(units, 1)}

    def measure(self, folder: Path) -> dict[str, float]:
        """ROUGE of the workers' model with what was learnt, and of the base model beside it."""
        if not self._dev:
            return {}
        full = self._config.method.kind == "full"
        base = self._served(self._config.model)
        before = self._rouge(base)
        trained = self._served(str(folder)) if full else base
        if not full:
            trained.load_adapter("trained", folder)
            trained.use_adapter("trained")
        after = self._rouge(trained)
        groups = [example.group or example.id for examples in self._dev_batches(_PROMPTS) for example in examples]
        figures: dict[str, float] = {}
        for name, key in ROUGES.items():
            base_values, values = ([getattr(score, key) for score in scores] for scores in (before, after))
            figures |= measured_change(name, base_values, values, groups)
        return figures

    def _served(self, reference: str) -> TextModel:
        return load_model(reference, self._cache_dir, precision=self._config.precision, device=self._device)

    def _rouge(self, model: TextModel) -> list[Rouge]:
        """Of each dev example, in the order of `_dev_batches`."""
        return [
            rouge(example.summary or "", summary, example.language)
            for examples in self._dev_batches(_PROMPTS)
            for example, summary in zip(examples, self._written(model, examples), strict=True)
        ]

    def _written(self, model: TextModel, examples: Sequence[Example]) -> list[str]:
        suffix = self._options.suffix if model.continues else ""
        prompts = [f"{(example.text or '').strip()}{suffix}" for example in examples]
        return model.generate(prompts, self._options.max_new_tokens, prefix=self._options.instruction, stop=())

    def _dev_batches(self, size: int) -> Iterator[Sequence[Example]]:
        """The dev set, those of like length together."""
        order = sorted(self._dev, key=lambda fitting: fitting[1])
        for at in range(0, len(order), size):
            yield [self._dev_data[place] for place, _ in order[at : at + size]]

    def add_files(self, folder: Path) -> None:
        write_learnt_from(folder, self._train_data)
        if self._config.method.kind != "full":
            return
        source = resolve(self._config.model, self._cache_dir)
        for path in chain(source.glob("*.json"), source.glob("*.model"), source.glob("*.txt")):
            if not (folder / path.name).exists():
                shutil.copy(path, folder)

    def metadata(self) -> dict[str, object]:
        asked: dict[str, object] = {"instruction": self._options.instruction}
        if self._model.continues:
            asked["suffix"] = self._options.suffix
        return asked if self._options.language is None else asked | {"language": self._options.language}
