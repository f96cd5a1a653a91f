"""The connector of an end-to-end model learns the text model's tokens by CTC, before the text model listens to it.

A connector from chance learns next to nothing from a summary: the text model does better to ignore it. Here it learns
from recordings with their text, of any length and without times, which tokens are said where. Whisper's encoder stays
as it is and reads each recording once (`options.states`), and of the text model only the tokenizer is asked, so that a
step costs the connector alone. A run of the recipe `e2e` begins with what comes of it (`options.connector`).

CTC: Graves et al. 2006. The text model's own tokens as its classes: Ma et al. 2025 (LegoSLM, arXiv 2505.11352).
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
from training.data.sources import first, read
from training.e2e import ctc
from training.e2e.connector import Shape
from training.e2e.ctc import CtcConnector
from training.e2e.model import TOKENS
from training.e2e.net import SpeechSummarizer, most_embeddings
from training.e2e.options import ConnectorOptions
from training.e2e.prompt import spelt
from training.e2e.saved import Facts, load_speech_model
from training.e2e.states import EncoderStates
from training.metrics.errors import rate, word_errors
from training.networks.precision import mixed
from training.runs.config import Config, validated
from training.runs.task import Batch
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import TextModel, load_model

_TOGETHER = 8
"""Recordings that are looked at together to be measured."""


def build(config: Config, cache_dir: Path, device: str) -> ConnectorTask:
    """Raises InvalidConfig, InvalidData, and what loading a model raises."""
    options = validated(ConnectorOptions, config.options, "options")
    if config.method.kind != "full":
        raise InvalidConfig(
            f"method.kind {config.method.kind}: a connector has no base to adapt. Set method.kind=full."
        )
    train, dev = (first(read(source, ("audio", "text")), source.limit) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    whisper = load_whisper(options.speech_model, cache_dir, config.precision, device)
    text = load_model(config.model, cache_dir, precision=config.precision, device=device)
    return ConnectorTask(config, options, whisper, text, train, dev, cache_dir)


class ConnectorTask:
    """A `Task`."""

    targets: Sequence[str] = ()

    def __init__(
        self,
        config: Config,
        options: ConnectorOptions,
        whisper: Whisper,
        text: TextModel,
        train: Dataset,
        dev: Dataset,
        cache_dir: Path,
    ) -> None:
        self._config, self._text, self._cache_dir, self._device = config, text, cache_dir, whisper.device
        self._train, self._dev = train, dev
        known = sorted({token for example in train for token in spelt(text, example.text or "")})
        self._classes = {token: place for place, token in enumerate(known)}
        self._facts = _facts(options, whisper, text, len(known))
        self.net = CtcConnector(self._facts.shape, torch.tensor(known))
        self._whole = SpeechSummarizer(whisper, text, self.net, self._facts.audio_context)
        for data in (train, dev):
            _check(data, text, self._facts)
        self._states = EncoderStates(options.states, self._whole, whisper.checksum())
        self.lengths: Sequence[float] = train.lengths
        self.fingerprint = sha256(f"{train.fingerprint} connector".encode()).hexdigest()
        self.micro_batch = 4 if whisper.device == "cpu" else 32

    def attached(self) -> None:
        """Method `full` has set all of it to learn."""

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing here is random
        return self._collated(self._train, places)

    def _collated(self, data: Dataset, places: Sequence[int]) -> Batch:
        """`stacked` (N, F) of all recordings, `lengths` (B,) of each; `classes` of all tokens, `counts` (B,) of each.

        A token that is in no training text is left out.
        """
        windows = [self._states.read(data, place) for place in places]
        stacked = self._whole.stacked([each for row in windows for each in row], [len(row) for row in windows])
        examples = [data[place] for place in places]
        said = [[self._classes[t] for t in self._spelt(example) if t in self._classes] for example in examples]
        tensors = {
            "stacked": torch.cat(stacked),
            "lengths": torch.tensor([len(each) for each in stacked]),
            "classes": torch.tensor([each for row in said for each in row], dtype=torch.long),
            "counts": torch.tensor([len(row) for row in said]),
        }
        return Batch(tuple(example.id for example in examples), max(sum(map(len, said)), 1), tensors)

    def _spelt(self, example: Example) -> list[int]:
        return spelt(self._text, example.text or "")

    def loss(self, batch: Batch) -> torch.Tensor:
        return self._loss(batch, self._scores(batch))

    def _scores(self, batch: Batch) -> torch.Tensor:
        half = torch.bfloat16 if self._config.precision != "float32" else torch.float32
        with mixed(half, self._device):
            return self.net.log_probabilities(_rows(batch))

    def _loss(self, batch: Batch, scores: torch.Tensor) -> torch.Tensor:
        tensors = batch.tensors
        return ctc.loss(scores, tensors["lengths"], tensors["classes"], tensors["counts"], self.net.blank)

    def evaluate(self) -> dict[str, float]:
        """CTC loss in nats a token, and the word error rate of what is read greedily."""
        total, units, errors = 0.0, 0, []
        for places in self._dev_batches():
            batch = self._collated(self._dev, places).to(self._device)
            scores = self._scores(batch)
            total += float(self._loss(batch, scores))
            units += batch.units
            for place, tokens in zip(places, self.net.best(_rows(batch)), strict=True):
                example = self._dev[place]
                errors.append(word_errors(example.text or "", self._text.tokenizer.decode(tokens), example.language))
        return {"loss": total / max(units, 1), "wer": rate(errors)}

    def _dev_batches(self) -> Iterator[list[int]]:
        order = sorted(range(len(self._dev)), key=lambda place: self._dev.lengths[place])
        size = self._config.micro_batch or self.micro_batch
        return (order[at : at + size] for at in range(0, len(order), size))

    def measure(self, folder: Path) -> dict[str, float]:
        """Word error rate of the text that the saved connector reads by itself."""
        model = load_speech_model(folder, self._cache_dir, precision=self._config.precision, device=self._device)
        pairs = []
        for first_place in range(0, len(self._dev), _TOGETHER):
            examples = self._dev[first_place : first_place + _TOGETHER]
            heard = model.transcripts([read_audio(example) for example in examples])
            pairs += [(e.text or "", text, e.language) for e, text in zip(examples, heard, strict=True)]
        return {"wer": rate(word_errors(*pair) for pair in pairs)} if pairs else {}

    def add_files(self, folder: Path) -> None:
        """The connector's own are all."""

    def metadata(self) -> dict[str, object]:
        return self._facts.dump()


def _rows(batch: Batch) -> list[torch.Tensor]:
    """(N, F) of each recording."""
    return list(torch.split_with_sizes(batch.tensors["stacked"], batch.tensors["lengths"].tolist()))


def _facts(options: ConnectorOptions, whisper: Whisper, text: TextModel, vocabulary: int) -> Facts:
    return Facts(
        speech_model=whisper.reference,
        speech_checksum=whisper.checksum(),
        base_model=text.reference,
        base_checksum=text.checksum(),
        shape=Shape(
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


def _check(data: Dataset, text: TextModel, facts: Facts) -> None:
    """Raises InvalidData where a recording is too long, or has fewer positions than CTC needs for its tokens."""
    for example, seconds in zip(data, data.lengths, strict=True):
        if seconds > facts.longest_s:
            raise InvalidData(
                f"{example.where}: {example.id} lasts {seconds:.1f} s; options.longest_s is {facts.longest_s:g}. Cut "
                "it, or raise that."
            )
        tokens = spelt(text, example.text or "")
        twice = sum(one == other for one, other in pairwise(tokens))
        places = most_embeddings(seconds, facts.shape)
        if len(tokens) + twice > places:
            raise InvalidData(
                f"{example.where}: {example.id} has {len(tokens)} tokens, {twice} of them twice in a row, in {places} "
                "positions; each needs one, and one between two that are alike. Lower options.stack or "
                "options.downsample, or correct its text."
            )
