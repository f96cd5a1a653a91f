"""Teaches a Whisper to read a context as long as the audio.

Whisper's encoder always reads 30 s. The serving engine can shorten that to the audio plus half a second, whose
positions then weigh as much as all the silence that they replace (`workers/asr/context.py`). An adapter of the encoder
learns to correct the remaining difference, without labels: the teacher is the model with its own 30 s, the student is
the same model with the adapter and the short context. The student learns the teacher's encoder states under the audio,
and the probabilities of the tokens that the teacher writes. The end of a text has a higher weight, because a missed end
is a runaway. This follows FUTO's whisper-acft (https://github.com/futo-org/whisper-acft), which trains all weights
towards the decoder's states.

The teacher reads each clip once and its targets are kept on disk, so a step costs no more than the short context.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from schema.core.errors import InvalidConfig, InvalidData
from schema.core.units import s_of_samples, samples_of_s
from training.data import Dataset, read_audio, refuse_overlap
from training.data.sources import first_examples, load_source
from training.data.training_fingerprints import write_fingerprints
from training.distillation.clips import Clip, draw_clips, render_clip
from training.distillation.student import collate, distillation_losses
from training.distillation.teacher import Teacher, TeacherTarget
from training.networks.precision import prepare_for_training
from training.runs.config import RunConfig, Section, validate
from training.runs.task import Batch
from workers.asr.engine import Engine
from workers.asr.error_rates import rate, word_errors
from workers.asr.hypothesis import Window
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper

log = logging.getLogger(__name__)
ADAPTER = "audio_context"
"""Name of the adapter in the engine while it is measured."""
TARGETS_FOLDER = "audio_context"
"""The folder of the teacher's targets in the model cache."""
LOG_EVERY_CLIPS = 50
"""Number of clips between two log lines about the teacher's progress."""


class AudioContextOptions(Section):
    """Options of an audio-context run. Lengths are in seconds of audio."""

    shortest_s: float = Field(default=2.0, ge=0.5)
    longest_s: float = Field(default=15.0, le=29.5)
    clips_per_recording: int = Field(default=4, ge=1)
    dev_clips_per_recording: int = Field(default=2, ge=1)
    tokens_weight: float = Field(default=1.0, ge=0)
    """Weight of the tokens' divergence, relative to the states' error."""
    end_weight: float = Field(default=4.0, gt=0)
    """Weight of the end of a text, relative to any other token."""
    layers: tuple[Literal["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "out_proj"), min_length=1
    )
    """The linear layers of the encoder that are adapted. Each of them costs the serving engine a little time."""


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Clips of one data set that the teacher has read, with the names of their targets."""

    data: Dataset
    clips: Sequence[Clip]
    names: Sequence[str]
    teacher: Teacher

    def window(self, index: int) -> Window:
        clip = self.clips[index]
        recording = self.data[clip.place]
        return Window(render_clip(clip, read_audio(recording)), recording.language)

    def target(self, index: int) -> TeacherTarget:
        target = self.teacher.load_target(self.names[index])
        if target is None:
            raise InvalidData(f"The target {self.names[index]} is missing. Run the same command again.")
        return target


def build(config: RunConfig, cache_dir: Path, device: str) -> AudioContextTask:
    """Cut the clips and let the teacher read them.

    Raises InvalidConfig, InvalidData, DataOverlap, and what loading a model raises.
    """
    options = validate(AudioContextOptions, config.options, "options")
    if config.method.kind == "full":
        raise InvalidConfig("method.kind 'full': an audio context must be an adapter. Use lora or adalora.")
    if options.shortest_s > options.longest_s:
        raise InvalidConfig(f"options.shortest_s {options.shortest_s} exceeds longest_s {options.longest_s}; lower it")
    train, dev = (load_source(source, ["audio"]) for source in (config.train, config.dev))
    refuse_overlap(train, dev)
    whisper, own = (load_whisper(config.model, cache_dir, config.precision, device) for _ in range(2))
    prepare_for_training(whisper.net)
    engine = Engine(own, stride=1)
    teacher = Teacher(engine, cache_dir / TARGETS_FOLDER)
    return AudioContextTask(
        config,
        options,
        whisper,
        engine,
        _clip_set(
            config,
            options,
            first_examples(train, config.train.limit),
            teacher,
            options.clips_per_recording,
            config.seed,
        ),
        _clip_set(
            config,
            options,
            first_examples(dev, config.dev.limit),
            teacher,
            options.dev_clips_per_recording,
            config.seed + 1,
        ),
    )


def _clip_set(
    config: RunConfig, options: AudioContextOptions, data: Dataset, teacher: Teacher, each: int, seed: int
) -> ClipSet:
    """Clips of *data* that the teacher can read. Raises InvalidData if there are none."""
    lengths = [samples_of_s(length_s) for length_s in data.lengths]
    clips = draw_clips(lengths, each, options.shortest_s, options.longest_s, seed)
    part = ClipSet(data, clips, [_target_name(config, data, clip) for clip in clips], teacher)
    missing = [index for index, name in enumerate(part.names) if not teacher.has_target(name)]
    for count, index in enumerate(missing):
        if count % LOG_EVERY_CLIPS == 0:
            log.warning("the teacher reads clip %d of %d", count + 1, len(missing))
        teacher.save_target(part.names[index], part.window(index))
    kept = [index for index, name in enumerate(part.names) if teacher.load_target(name) is not None]
    if not kept:
        raise InvalidData(f"The model runs away on all {len(clips)} clips. Use clearer speech.")
    return ClipSet(data, [clips[at] for at in kept], [part.names[at] for at in kept], teacher)


def _target_name(config: RunConfig, data: Dataset, clip: Clip) -> str:
    """A name for a target that depends on everything that the target depends on."""
    return sha256(json.dumps([config.model, config.precision, data.fingerprint, repr(clip)]).encode()).hexdigest()[:24]


class AudioContextTask:
    """A `TrainingTask` whose examples are clips. It brings states and tokens as close to the teacher's as possible."""

    def __init__(
        self,
        config: RunConfig,
        options: AudioContextOptions,
        whisper: Whisper,
        engine: Engine,
        train: ClipSet,
        dev: ClipSet,
    ) -> None:
        self.net = whisper.net
        self.targets: Sequence[str] = _encoder_layers(whisper.net, options.layers)
        self.lengths: Sequence[float] = [s_of_samples(len(clip)) for clip in train.clips]
        self.fingerprint = train.data.fingerprint  # of the recordings, which a gate must not measure on
        # A CPU gains nothing from batching, and would pay for the padding.
        self.micro_batch = 1 if whisper.device == "cpu" else 16
        self._config, self._options, self._whisper, self._engine = config, options, whisper, engine
        self._train, self._dev = train, dev

    def after_attach(self) -> None:
        """Only the adapter learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # a clip is the same in every epoch
        return self._collated(self._train, indices)

    def _collated(self, part: ClipSet, indices: Sequence[int]) -> Batch:
        clips, targets = [part.window(index).samples for index in indices], [part.target(index) for index in indices]
        tensors = collate(self._whisper, clips, targets, self._options.end_weight)
        return Batch(tuple(part.names[index] for index in indices), len(indices), tensors)

    def loss(self, batch: Batch) -> torch.Tensor:
        states, tokens = distillation_losses(
            self.net, batch.tensors, self._config.gradient_checkpointing and self.net.training
        )
        return (states + self._options.tokens_weight * tokens).sum()

    def evaluate(self) -> dict[str, float]:
        states = tokens = 0.0
        count, size = len(self._dev.clips), self._config.micro_batch or self.micro_batch
        for index in range(0, count, size):
            batch = self._collated(self._dev, range(index, min(index + size, count))).to(self._whisper.device)
            errors, divergences = distillation_losses(self.net, batch.tensors)
            states, tokens = states + float(errors.sum()) / count, tokens + float(divergences.sum()) / count
        return {"loss": states + self._options.tokens_weight * tokens, "states_error": states, "divergence": tokens}

    def measure(self, folder: Path) -> dict[str, float]:
        return compare_contexts(
            self._engine, [self._dev.window(index) for index in range(len(self._dev.clips))], folder
        )

    def add_files(self, folder: Path) -> None:
        write_fingerprints(folder, self._train.data)

    def metadata(self) -> dict[str, object]:
        return {"audio_context": True}


def _encoder_layers(net: Any, ends: Sequence[str]) -> list[str]:
    """Names of the encoder's layers that end with one of *ends*."""
    names = (name for name, _ in net.named_modules() if name.startswith("model.encoder.layers."))
    return [name for name in names if name.rpartition(".")[2] in ends]


@dataclass(frozen=True, slots=True)
class EngineReading:
    """The texts of some windows, the number of runaways, which the guard would refuse, and the time to encode a
    window.
    """

    texts: list[str]
    runaways: int
    encoder_ms: float


def read_windows(engine: Engine, windows: Sequence[Window]) -> EngineReading:
    """Transcribe *windows*, then encode each again, alone, to measure the time."""
    hypotheses = engine.transcribe(windows)
    began = time.perf_counter()
    for window in windows:
        engine.encode([window])
    encoder_ms = (time.perf_counter() - began) * 1000 / len(windows)
    return EngineReading([each.text for each in hypotheses], sum(each.truncated for each in hypotheses), encoder_ms)


def compare_contexts(engine: Engine, windows: Sequence[Window], adapter: Path) -> dict[str, float]:
    """Compare *engine* without an adapter, in its own context, to *engine* with *adapter*."""
    whole = read_windows(engine, windows)
    engine.load_adapter(ADAPTER, adapter)
    short = read_windows(engine, [replace(window, adapter=ADAPTER) for window in windows])
    differing = rate(word_errors(*texts) for texts in zip(whole.texts, short.texts, strict=True))
    return {
        "words_that_differ": differing,
        "runaways": short.runaways,
        "runaways_whole_context": whole.runaways,
        "encoder_ms": short.encoder_ms,
        "encoder_ms_whole_context": whole.encoder_ms,
    }
