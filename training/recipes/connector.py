"""Teaches the connector of an end-to-end model the text model's tokens by CTC, before the text model uses it.

A randomly initialised connector learns next to nothing from summaries, because the text model does better by ignoring
it. This recipe trains it on recordings with their text, of any length and without times, to recognise which tokens are
spoken where. Whisper's encoder stays frozen and reads each recording once (`options.states`). Only the tokenizer of the
text model is used, so a step costs no more than the connector. A run of the recipe `e2e` can start from the result
(`options.connector`).

CTC: Graves et al. 2006. The text model's own tokens as classes: Ma et al. 2025 (LegoSLM, arXiv 2505.11352).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import torch

from schema.core.errors import InvalidConfig, InvalidData
from training.data import Dataset, read_audio, refuse_overlap
from training.data.dataset import Example
from training.data.sources import first_examples, load_source
from training.e2e import ctc
from training.e2e.connector import ConnectorShape
from training.e2e.ctc import CtcConnector
from training.e2e.model import TOKENS
from training.e2e.net import SpeechSummarizer, max_embedding_count
from training.e2e.options import ConnectorOptions
from training.e2e.prompt import text_tokens
from training.e2e.saved import SpeechModelFacts, load_speech_model
from training.e2e.states import EncoderStates
from training.networks.precision import autocast
from training.runs.config import RunConfig, validate
from training.runs.task import Batch
from workers.asr.error_rates import rate, word_errors
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import TextModel, load_model

_TOGETHER = 8
"""Recordings that are read at once for evaluation."""


def build(config: RunConfig, cache_dir: Path, device: str) -> ConnectorTask:
    """Load the data and the models. Raises InvalidConfig, InvalidData, and what loading a model raises."""
    options = validate(ConnectorOptions, config.options, "options")
    if config.method.kind != "full":
        raise InvalidConfig(
            f"method.kind {config.method.kind}: a connector has no base to adapt. Set method.kind=full."
        )
    train, dev = (
        first_examples(load_source(source, ("audio", "text")), source.limit) for source in (config.train, config.dev)
    )
    refuse_overlap(train, dev)
    whisper = load_whisper(options.speech_model, cache_dir, config.precision, device)
    text = load_model(config.model, cache_dir, precision=config.precision, device=device)
    return ConnectorTask(config, options, whisper, text, train, dev, cache_dir)


class ConnectorTask:
    """The `TrainingTask` of the recipe `connector`."""

    targets: Sequence[str] = ()

    def __init__(
        self,
        config: RunConfig,
        options: ConnectorOptions,
        whisper: Whisper,
        text: TextModel,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
    ) -> None:
        self._config, self._text, self._cache_dir, self._device = config, text, cache_dir, whisper.device
        self._train, self._dev = train, dev
        known = sorted({token for example in train for token in text_tokens(text, example.text or "")})
        self._classes = {token: index for index, token in enumerate(known)}
        self._facts = _facts(options, whisper, text, len(known))
        self.net = CtcConnector(self._facts.shape, torch.tensor(known))
        self._whole = SpeechSummarizer(whisper, text, self.net, self._facts.audio_context)
        for data in (train, dev):
            _check(data, text, self._facts)
        self._states = EncoderStates(options.states, self._whole, whisper.checksum())
        self.lengths: Sequence[float] = train.lengths
        self.fingerprint = sha256(f"{train.fingerprint} connector".encode()).hexdigest()
        self.micro_batch = 4 if whisper.device == "cpu" else 32

    def after_attach(self) -> None:
        """Method `full` has made all of it trainable."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return self._collated(self._train, indices)

    def _collated(self, data: Dataset, indices: Sequence[int]) -> Batch:
        """`stacked` (N, F) of all recordings, `lengths` (B,) of each; `classes` of all tokens, `counts` (B,) of each.

        Tokens that no training text contains are left out.
        """
        windows = [self._states.read(data, index) for index in indices]
        stacked = self._whole.connector_input([each for row in windows for each in row], [len(row) for row in windows])
        examples = [data[index] for index in indices]
        classes = [[self._classes[t] for t in self._text_tokens(example) if t in self._classes] for example in examples]
        tensors = {
            "stacked": torch.cat(stacked),
            "lengths": torch.tensor([len(each) for each in stacked]),
            "classes": torch.tensor([each for row in classes for each in row], dtype=torch.long),
            "counts": torch.tensor([len(row) for row in classes]),
        }
        return Batch(tuple(example.id for example in examples), max(sum(map(len, classes)), 1), tensors)

    def _text_tokens(self, example: Example) -> list[int]:
        return text_tokens(self._text, example.text or "")

    def loss(self, batch: Batch) -> torch.Tensor:
        return self._loss(batch, self._scores(batch))

    def _scores(self, batch: Batch) -> torch.Tensor:
        half = torch.bfloat16 if self._config.precision != "float32" else torch.float32
        with autocast(half, self._device):
            return self.net.log_probabilities(_rows(batch))

    def _loss(self, batch: Batch, scores: torch.Tensor) -> torch.Tensor:
        tensors = batch.tensors
        return ctc.summed_ctc_loss(scores, tensors["lengths"], tensors["classes"], tensors["counts"], self.net.blank)

    def evaluate(self) -> dict[str, float]:
        """CTC loss in nats per token, and the word error rate of the greedy transcript."""
        total, units, errors = 0.0, 0, []
        for indices in self._dev_batches():
            batch = self._collated(self._dev, indices).to(self._device)
            scores = self._scores(batch)
            total += float(self._loss(batch, scores))
            units += batch.units
            for index, tokens in zip(indices, self.net.greedy_tokens(_rows(batch)), strict=True):
                example = self._dev[index]
                errors.append(word_errors(example.text or "", self._text.tokenizer.decode(tokens), example.language))
        return {"loss": total / max(units, 1), "wer": rate(errors)}

    def _dev_batches(self) -> Iterator[list[int]]:
        order = sorted(range(len(self._dev)), key=lambda index: self._dev.lengths[index])
        size = self._config.micro_batch or self.micro_batch
        return (order[at : at + size] for at in range(0, len(order), size))

    def measure(self, folder: Path) -> dict[str, float]:
        """Word error rate of the transcript that the saved connector makes by itself."""
        model = load_speech_model(folder, self._cache_dir, precision=self._config.precision, device=self._device)
        pairs = []
        for first_place in range(0, len(self._dev), _TOGETHER):
            examples = self._dev[first_place : first_place + _TOGETHER]
            transcripts = model.transcripts([read_audio(example) for example in examples])
            pairs += [(e.text or "", text, e.language) for e, text in zip(examples, transcripts, strict=True)]
        return {"wer": rate(word_errors(*pair) for pair in pairs)} if pairs else {}

    def add_files(self, folder: Path) -> None:
        """Nothing to add: the connector's files are complete."""

    def metadata(self) -> dict[str, object]:
        return self._facts.dump()


def _rows(batch: Batch) -> list[torch.Tensor]:
    """(N, F) of each recording."""
    return list(torch.split_with_sizes(batch.tensors["stacked"], batch.tensors["lengths"].tolist()))


def _facts(options: ConnectorOptions, whisper: Whisper, text: TextModel, vocabulary: int) -> SpeechModelFacts:
    return SpeechModelFacts(
        speech_model=whisper.reference,
        speech_checksum=whisper.checksum(),
        base_model=text.reference,
        base_checksum=text.checksum(),
        shape=ConnectorShape(
            speech_width=whisper.net.config.d_model,
            text_width=text.net.get_input_embeddings().embedding_dim,
            stack=options.stack,
            downsample=options.downsample,
            hidden=options.hidden,
            layers=options.layers,
            vocabulary=vocabulary,
        ),
        instruction="",
        suffix="",
        audio_context=False,
        longest_s=options.longest_s,
        writes=TOKENS,
    )


def _check(data: Dataset, text: TextModel, facts: SpeechModelFacts) -> None:
    """Raises InvalidData if a recording is too long, or has fewer positions than CTC needs for its tokens."""
    for example, seconds in zip(data, data.lengths, strict=True):
        if seconds > facts.longest_s:
            raise InvalidData(
                f"{example.where}: {example.id} lasts {seconds:.1f} s; options.longest_s is {facts.longest_s:g}. Cut "
                "it, or raise options.longest_s."
            )
        tokens = text_tokens(text, example.text or "")
        twice = sum(one == other for one, other in pairwise(tokens))
        indices = max_embedding_count(seconds, facts.shape)
        if len(tokens) + twice > indices:
            raise InvalidData(
                f"{example.where}: {example.id} has {len(tokens)} tokens, {twice} of them repeated, in {indices} "
                "positions. CTC needs one for each token and one between equal neighbours. Lower options.stack or "
                "options.downsample, or correct its text."
            )
