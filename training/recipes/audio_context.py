"""Teach a Whisper to read in a context as long as the audio.

Whisper's encoder always reads 30 s. The serving engine can cut that to the audio and half a second behind it, whose
positions then weigh as much as all the silence that they stand for (`workers/asr/context.py`). An adapter of the
encoder learns what that leaves to be desired, without labels: the model in its own 30 s is the teacher, the same model
with the adapter in the short context the student. It learns the teacher's encoder states under the audio, and the
probabilities of the tokens that the teacher writes: those at the end of a text above all, since a missed end is a
runaway. After FUTO's whisper-acft (https://github.com/futo-org/whisper-acft), which trains all weights towards the
decoder's states.

The teacher reads every clip once and its targets are kept on disk, so a step costs what the short context costs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from schema.core.errors import InvalidConfig, InvalidData
from schema.core.units import s_of_samples, samples_of_s
from training.data import Dataset, read_audio, refuse_overlap
from training.data.sources import first, read
from training.data.training_fingerprints import write_learnt_from
from training.distillation.clips import Clip, cut, sound
from training.distillation.contexts import compared
from training.distillation.student import collated, distances
from training.distillation.teacher import Target, Teacher
from training.networks.precision import trains_here
from training.runs.config import Config, Section, validated
from training.runs.task import Batch
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper

log = logging.getLogger(__name__)
TARGETS = "audio_context"
"""The teacher's folder in the cache of models."""
TOLD_EVERY = 50
"""Clips between two lines about how far the teacher is."""


class Options(Section):
    """`options` of an audio-context run; lengths are in seconds of audio."""

    shortest_s: float = Field(default=2.0, ge=0.5)
    longest_s: float = Field(default=15.0, le=29.5)
    clips_per_recording: int = Field(default=4, ge=1)
    dev_clips_per_recording: int = Field(default=2, ge=1)
    tokens_weight: float = Field(default=1.0, ge=0)
    """Of the tokens' divergence, beside the states' error."""
    end_weight: float = Field(default=4.0, gt=0)
    """Of the end of a text, beside an ordinary token."""
    layers: tuple[Literal["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "out_proj"), min_length=1
    )
    """Which linear layers of the encoder. Each one costs the serving engine a little."""


@dataclass(frozen=True, slots=True)
class Part:
    """Clips of one data set that the teacher has read, with the names of their targets."""

    data: Dataset
    clips: Sequence[Clip]
    names: Sequence[str]
    teacher: Teacher

    def window(self, place: int) -> Window:
        clip = self.clips[place]
        recording = self.data[clip.place]
        return Window(sound(clip, read_audio(recording)), recording.language)

    def target(self, place: int) -> Target:
        target = self.teacher.target(self.names[place])
        if target is None:
            raise InvalidData(f"The target {self.names[place]} is gone. Run the same command again.")
        return target


def build(config: Config, cache_dir: Path, device: str) -> AudioContextTask:
    """Cut the clips and have the teacher read them.

    Raises InvalidConfig, InvalidData, DataOverlap, and what loading a model raises.
    """
    options = validated(Options, config.options, "options")
    if config.method.kind == "full":
        raise InvalidConfig("method.kind 'full': a context is learnt as an adapter. Use lora or adalora.")
    if options.shortest_s > options.longest_s:
        raise InvalidConfig(f"options.shortest_s {options.shortest_s} is above longest_s {options.longest_s}; lower it")
    train, dev = (read(source, ["audio"]) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    whisper, own = (load_whisper(config.model, cache_dir, config.precision, device) for _ in range(2))
    trains_here(whisper.net)
    engine = Engine(own, stride=1)
    teacher = Teacher(engine, cache_dir / TARGETS)
    return AudioContextTask(
        config,
        options,
        whisper,
        engine,
        _taught(config, options, first(train, config.train.limit), teacher, options.clips_per_recording, config.seed),
        _taught(
            config, options, first(dev, config.dev.limit), teacher, options.dev_clips_per_recording, config.seed + 1
        ),
    )


def _taught(config: Config, options: Options, data: Dataset, teacher: Teacher, each: int, seed: int) -> Part:
    """Clips of *data* that the teacher can read. Raises InvalidData when there are none."""
    lengths = [samples_of_s(length_s) for length_s in data.lengths]
    clips = cut(lengths, each, options.shortest_s, options.longest_s, seed)
    part = Part(data, clips, [_name(config, data, clip) for clip in clips], teacher)
    unread = [place for place, name in enumerate(part.names) if not teacher.knows(name)]
    for count, place in enumerate(unread):
        if count % TOLD_EVERY == 0:
            log.warning("the teacher reads clip %d of %d", count + 1, len(unread))
        teacher.read(part.names[place], part.window(place))
    kept = [place for place, name in enumerate(part.names) if teacher.target(name) is not None]
    if not kept:
        raise InvalidData(f"The model reads none of {len(clips)} clips without running away. Give it clearer speech.")
    return Part(data, [clips[at] for at in kept], [part.names[at] for at in kept], teacher)


def _name(config: Config, data: Dataset, clip: Clip) -> str:
    """Names a target by everything that it depends on."""
    return sha256(json.dumps([config.model, config.precision, data.fingerprint, repr(clip)]).encode()).hexdigest()[:24]


class AudioContextTask:
    """A `Task` whose examples are clips: states and tokens as near to the teacher's as can be."""

    def __init__(
        self, config: Config, options: Options, whisper: Whisper, engine: Engine, train: Part, dev: Part
    ) -> None:
        self.net = whisper.net
        self.targets: Sequence[str] = _layers(whisper.net, options.layers)
        self.lengths: Sequence[float] = [s_of_samples(len(clip)) for clip in train.clips]
        self.fingerprint = train.data.fingerprint  # of the recordings, which a gate must not measure on
        # A processor gains nothing from rows side by side, and would pay for their padding.
        self.micro_batch = 1 if whisper.device == "cpu" else 16
        self._config, self._options, self._whisper, self._engine = config, options, whisper, engine
        self._train, self._dev = train, dev

    def attached(self) -> None:
        """Nothing learns but the adapter."""

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        del epoch  # a clip is the same in each
        return self._collated(self._train, places)

    def _collated(self, part: Part, places: Sequence[int]) -> Batch:
        clips, targets = [part.window(place).samples for place in places], [part.target(place) for place in places]
        tensors = collated(self._whisper, clips, targets, self._options.end_weight)
        return Batch(tuple(part.names[place] for place in places), len(places), tensors)

    def loss(self, batch: Batch) -> torch.Tensor:
        states, tokens = distances(self.net, batch.tensors, self._config.gradient_checkpointing and self.net.training)
        return (states + self._options.tokens_weight * tokens).sum()

    def evaluate(self) -> dict[str, float]:
        states = tokens = 0.0
        count, size = len(self._dev.clips), self._config.micro_batch or self.micro_batch
        for place in range(0, count, size):
            batch = self._collated(self._dev, range(place, min(place + size, count))).to(self._whisper.device)
            errors, divergences = distances(self.net, batch.tensors)
            states, tokens = states + float(errors.sum()) / count, tokens + float(divergences.sum()) / count
        return {"loss": states + self._options.tokens_weight * tokens, "states_error": states, "divergence": tokens}

    def measure(self, folder: Path) -> dict[str, float]:
        return compared(self._engine, [self._dev.window(place) for place in range(len(self._dev.clips))], folder)

    def add_files(self, folder: Path) -> None:
        write_learnt_from(folder, self._train.data)

    def metadata(self) -> dict[str, object]:
        return {"audio_context": True}


def _layers(net: Any, ends: Sequence[str]) -> list[str]:
    """Names of the encoder's layers that end so."""
    names = (name for name, _ in net.named_modules() if name.startswith("model.encoder.layers."))
    return [name for name in names if name.rpartition(".")[2] in ends]
