"""The YAML of `minutebook evaluate`: which systems to measure on which data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from schema.core.errors import InvalidConfig
from training.data.checks import ExamplePart
from training.data.sources import first_examples, load_source
from training.e2e.model import EndToEnd
from training.evaluation.baselines import CHOICES, Baseline, Constant, most_typical
from training.evaluation.systems import Cascade, EvaluatedSystem, Recogniser, Summariser
from training.runs.config import DataSource, Section, apply_changes, read_yaml

AS_SAID, CONSTANT = "as-said", "constant"
TYPICAL_OF = 100
"""The most typical summary is chosen among this many, since each is compared with each."""


class SystemConfig(Section):
    """With `asr` a recogniser, with `summary` a summariser of the text, with both a cascade, with `e2e` one model from
    audio to summary.
    """

    name: str
    asr: str | None = None
    """Reference of a model, as the workers take it."""
    asr_adapter: Path | None = None
    summary: str | None = None
    """Reference of a model, or a method without a model: `as-said` selects important sentences of the meeting, `lead`
    the beginning of each window, `longest-utterance` its longest turn, and `constant` always gives the most typical
    summary of `constant_of`.
    """
    constant_of: str | None = None
    """A split of the same source, whose first hundred summaries are compared."""
    summary_adapter: Path | None = None
    e2e: Path | None = None
    """The folder of a run of recipe `e2e`. `asr` and `summary` may then name its base models, if they have other names
    here than where it was trained.
    """
    wrong_audio: bool = False
    """Give an `e2e` another example's audio. What it still scores does not come from listening."""
    precision: str = "auto"
    device: str = "auto"
    plain: bool = False
    """Use the summary model's own answer, without notes and checks."""

    @model_validator(mode="after")
    def _does_something(self) -> SystemConfig:
        if self.asr is None and self.summary is None and self.e2e is None:
            raise ValueError("a system needs a model: asr, summary or both, or e2e")
        if self.e2e is not None and (self.asr_adapter or self.summary_adapter or self.plain):
            raise ValueError("e2e has adapters of its own and always answers plainly; leave out the other settings")
        if self.wrong_audio and self.e2e is None:
            raise ValueError("wrong_audio works with e2e only; leave it out, or set e2e")
        if (self.summary == CONSTANT) != (self.constant_of is not None):
            raise ValueError("set summary: constant together with constant_of, a split with summaries")
        if self.asr is not None and self.summary in (*CHOICES, CONSTANT):
            raise ValueError(f"summary: {self.summary} reads texts, not a recogniser's output; leave asr out")
        return self


class ComparisonConfig(Section):
    data: DataSource
    systems: tuple[SystemConfig, ...] = Field(min_length=1)
    of_each_group: int = Field(default=0, ge=0)
    """Number of examples of each meeting or speaker, drawn by `seed`; 0 measures all."""
    same_length: bool = False
    """Cut each summary to the number of words of its reference."""
    bert: str | None = None
    """A text encoder for BERTScore, by hub name or folder."""
    seed: int = 0

    @model_validator(mode="after")
    def _names_differ(self) -> ComparisonConfig:
        if len({system.name for system in self.systems}) < len(self.systems):
            raise ValueError("two systems have the same name; give each its own")
        return self

    @property
    def adapters(self) -> list[Path]:
        """The folders of all adapters that are measured."""
        return [each for system in self.systems for each in (system.asr_adapter, system.summary_adapter) if each]

    @property
    def needs(self) -> tuple[ExamplePart, ...]:
        """The parts that every example must have."""
        parts: set[ExamplePart] = set()
        for system in self.systems:
            parts |= {"audio"} if system.asr or system.e2e else {"text"}
            parts |= {"summary"} if system.summary or system.e2e else {"text"}
        return tuple(sorted(parts))


def read_comparison(path: Path, changes: Sequence[str] = ()) -> ComparisonConfig:
    """The comparison in *path*, with *changes* such as `same_length=true` applied. Raises InvalidConfig."""
    values = apply_changes(read_yaml(path), changes)
    try:
        return ComparisonConfig.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the comparison"
        raise InvalidConfig(f"{path}: {key}: {fault['msg']}; it is {fault['input']!r}") from error


def system_loaders(comparison: ComparisonConfig, cache_dir: Path) -> list[Callable[[], EvaluatedSystem]]:
    """Functions that load the systems, one for each."""
    return [partial(_load_system, system, comparison.data, cache_dir) for system in comparison.systems]


def _load_system(config: SystemConfig, data: DataSource, cache_dir: Path) -> EvaluatedSystem:
    if config.e2e is not None:
        return _end_to_end(config, config.e2e, cache_dir)
    if config.constant_of is not None:
        return Constant(config.name, most_typical(_summaries(data, config.constant_of)))
    if config.asr is None:
        choice = CHOICES.get(config.summary or "")
        return _summariser(config, cache_dir) if choice is None else Baseline(config.name, choice)
    recogniser = _recogniser(config, config.asr, cache_dir)
    if config.summary is None:
        return recogniser
    return Cascade(config.name, recogniser, _summariser(config, cache_dir))


def _summaries(data: DataSource, split: str) -> list[str]:
    dataset = load_source(data.model_copy(update={"split": split}), ["summary"])
    return [example.summary or "" for example in first_examples(dataset, TYPICAL_OF)]


def _end_to_end(config: SystemConfig, folder: Path, cache_dir: Path) -> EndToEnd:
    from training.e2e.saved import load_speech_model

    model = load_speech_model(
        folder, cache_dir, precision=config.precision, device=config.device, speech=config.asr, text=config.summary
    )
    return EndToEnd(config.name, model, config.wrong_audio)


def _recogniser(config: SystemConfig, reference: str, cache_dir: Path) -> Recogniser:
    from workers.asr.engine import load_engine

    engine = load_engine(reference, cache_dir, config.precision, config.device)
    return Recogniser(config.name, engine, config.asr_adapter)


def _summariser(config: SystemConfig, cache_dir: Path) -> Summariser:
    from workers.summarize.writing.model import load_model

    if config.summary is None or config.summary == AS_SAID:
        return Summariser(config.name, None, cache_dir)
    model = load_model(config.summary, cache_dir, precision=config.precision, device=config.device)
    return Summariser(config.name, model, cache_dir, config.summary_adapter, config.plain)
