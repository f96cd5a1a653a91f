"""Summaries: a text model (T5, mBART or decoder-only) learns to write the summary of a text.

The prompts are those of the workers. An encoder-decoder model reads the instruction and the text. A decoder-only model
continues after instruction, text and `options.suffix`. The loss is that of the summary's tokens and its end.
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
from training.data.sources import first_examples, load_source
from training.data.training_fingerprints import write_fingerprints
from training.metrics.bootstrap import measured_change
from training.metrics.summaries import Rouge, rouge
from training.networks.methods import linear_layers
from training.networks.precision import autocast, base_precision, norms_in_32_bits, prepare_for_training
from training.runs.config import RunConfig, Section, validate
from training.runs.task import IGNORED, Batch, pad_rows
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.trained import SUMMARY_TOKENS
from workers.summarize.writing.weights import resolve

log = logging.getLogger(__name__)
_PROMPTS = 8
ROUGES = {"rouge1": "r1", "rouge2": "r2", "rougeL": "l", "rougeLsum": "lsum"}
"""Names in a run's metrics, and the attributes of `Rouge`."""


class SummarizeOptions(Section):
    """Options of a summary run."""

    instruction: str = T5_TASK
    suffix: str = "\nMinutes:"
    """Text after the source text, which tells a decoder-only model where the summary begins."""
    language: str | None = None
    """The only language in which the workers use the adapter for notes. Without it they use it for every language."""
    overlong: Literal["refuse", "leave_out"] = "refuse"
    """What to do with an example that is too long for the model. Nothing is cut, since the workers do not cut texts
    either.
    """
    max_new_tokens: int = SUMMARY_TOKENS
    """Length limit of the summaries that are written for evaluation."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one example: the source text and the summary, including its end."""

    source: list[int]
    target: list[int]


def build(config: RunConfig, cache_dir: Path, device: str) -> SummaryTask:
    """Load the data and the model. Raises InvalidConfig, InvalidData, and what loading a model raises."""
    options = validate(SummarizeOptions, config.options, "options")
    train, dev = (
        first_examples(load_source(source, ("text", "summary")), source.limit) for source in (config.train, config.dev)
    )
    refuse_overlap(train, dev)
    model = load_model(config.model, cache_dir, precision=base_precision(config), device=device)
    prepare_for_training(model.net)
    return SummaryTask(config, options, model, train, dev, cache_dir, device)


class SummaryTask:
    """The `TrainingTask` of the recipe `summarize`."""

    def __init__(
        self,
        config: RunConfig,
        options: SummarizeOptions,
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
        """(index, tokens) of the examples that fit. Raises InvalidData if one does not fit and may not be left out."""
        fitting, left_out = [], 0
        for index, example in enumerate(data):
            try:
                tokens = self._tokens(example)
            except InvalidData:
                if self._options.overlong != "leave_out":
                    raise
                left_out += 1
                continue
            fitting.append((index, float(len(tokens.source) + len(tokens.target))))
        if left_out:
            log.warning("%d of %d examples are too long for the model and are left out", left_out, len(data))
        return fitting

    def _tokens(self, example: Example) -> Tokens:
        """The tokens of *example*. Raises InvalidData if it is too long."""
        tokenizer, options = self._model.tokenizer, self._options
        text, summary = (example.text or "").strip(), (example.summary or "").strip()
        if self._model.continues:
            prompt = tokenizer(f"{text}{options.suffix}", add_special_tokens=False).input_ids
            source = [*tokenizer(options.instruction).input_ids, *prompt]
            target = [*tokenizer(f" {summary}", add_special_tokens=False).input_ids, tokenizer.eos_token_id]
            longest = len(source) + max(len(target), options.max_new_tokens)
        else:
            source = tokenizer(options.instruction + text).input_ids
            target = tokenizer(text_target=summary).input_ids
            longest = max(len(source), len(target))
        if longest > self._model.context_tokens:
            raise InvalidData(
                f"{example.where}: {example.id} has {len(source)} tokens of text and {len(target)} of summary; "
                f"{self._model.reference} has room for {self._model.context_tokens}. Split it, or set "
                "options.overlong=leave_out."
            )
        return Tokens(source, target)

    def after_attach(self) -> None:
        """The method alone decides what learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return self._collated([self._train_data[self._train[index][0]] for index in indices])

    def _collated(self, examples: Sequence[Example]) -> Batch:
        rows = [self._tokens(example) for example in examples]
        tensors = self._continued(rows) if self._model.continues else self._answered(rows)
        units = sum(len(row.target) for row in rows)
        return Batch(tuple(example.id for example in examples), units, tensors)

    def _continued(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Tensors for a decoder-only model, padded on the left: the summaries end together, so the output layer is
        computed for them only.
        """
        whole = [row.source + row.target for row in rows]
        tokens, mask = pad_rows(whole, self._fill, left=True)
        kept = max(len(row.target) for row in rows)
        labels, _ = pad_rows([row.target for row in rows], IGNORED, left=True)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return {
            "input_ids": tokens[:, :-1],
            "attention_mask": mask[:, :-1],
            "position_ids": positions[:, :-1],
            "labels": labels[:, -kept:],
        }

    def _answered(self, rows: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        tokens, mask = pad_rows([row.source for row in rows], self._fill)
        labels, _ = pad_rows([row.target for row in rows], IGNORED)
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    @property
    def _fill(self) -> int:
        return int(self._model.tokenizer.pad_token_id or 0)

    def loss(self, batch: Batch) -> torch.Tensor:
        inputs = dict(batch.tensors)
        labels = inputs.pop("labels")
        written = labels != IGNORED
        with autocast(self._mixed, self._device):
            logits = self._continuing(inputs, written) if self._model.continues else self._answering(inputs, labels)
        return cross_entropy(logits.float(), labels[written], reduction="sum")

    def _continuing(self, inputs: dict[str, torch.Tensor], written: torch.Tensor) -> torch.Tensor:
        """Logits (summary tokens, vocabulary). The rows are selected first, so that the output layer is one flat
        product. Otherwise its matrix is copied, which takes two thirds of the forward pass on a CPU.
        """
        body = self.net.get_decoder()
        hidden = body(**inputs, use_cache=False).last_hidden_state[:, -written.shape[1] :]
        logits: torch.Tensor = self.net.get_output_embeddings()(hidden[written])
        return logits

    def _answering(self, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        inputs_so_far = self.net.prepare_decoder_input_ids_from_labels(labels=labels)
        logits: torch.Tensor = self.net(**inputs, decoder_input_ids=inputs_so_far, use_cache=False).logits
        return logits[labels != IGNORED]

    def evaluate(self) -> dict[str, float]:
        total, units = 0.0, 0
        for examples in self._dev_batches(self._config.micro_batch or self.micro_batch):
            batch = self._collated(examples).to(self._device)
            total += float(self.loss(batch))
            units += batch.units
        return {"loss": total / max(units, 1)}

    def measure(self, folder: Path) -> dict[str, float]:
        """ROUGE of the workers' model with what was learnt, and of the base model for comparison."""
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
        """ROUGE of each dev example, in the order of `_dev_batches`."""
        return [
            rouge(example.summary or "", summary, example.language)
            for examples in self._dev_batches(_PROMPTS)
            for example, summary in zip(examples, self._summaries(model, examples), strict=True)
        ]

    def _summaries(self, model: TextModel, examples: Sequence[Example]) -> list[str]:
        suffix = self._options.suffix if model.continues else ""
        prompts = [f"{(example.text or '').strip()}{suffix}" for example in examples]
        return model.generate(prompts, self._options.max_new_tokens, prefix=self._options.instruction, stop=())

    def _dev_batches(self, size: int) -> Iterator[Sequence[Example]]:
        """The dev set in batches of similar length."""
        order = sorted(self._dev, key=lambda fitting: fitting[1])
        for at in range(0, len(order), size):
            yield [self._dev_data[index] for index, _ in order[at : at + size]]

    def add_files(self, folder: Path) -> None:
        write_fingerprints(folder, self._train_data)
        if self._config.method.kind != "full":
            return
        source = resolve(self._config.model, self._cache_dir)
        for path in chain(source.glob("*.json"), source.glob("*.model"), source.glob("*.txt")):
            if not (folder / path.name).exists():
                shutil.copy(path, folder)

    def metadata(self) -> dict[str, object]:
        prompt: dict[str, object] = {"instruction": self._options.instruction}
        if self._model.continues:
            prompt["suffix"] = self._options.suffix
        return prompt if self._options.language is None else prompt | {"language": self._options.language}
