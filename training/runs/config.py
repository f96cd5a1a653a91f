"""A run's settings: one YAML file, whose first line is the command that runs it, with `--set key=value` on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schema.core.errors import InvalidConfig

Precision = Literal["float32", "bfloat16", "int8", "int4"]
Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """Frozen, and an unknown key is an error: a misspelt setting must not be a setting left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Section):
    """Where examples come from: what `training.data.load` takes."""

    source: str
    split: str
    language: str = "en"
    """Of examples that do not say."""
    limit: int = Field(default=0, ge=0)
    """The first so many examples; 0 is all."""
    skip_faulty: bool = False
    """Leave faulty examples out, and say how many, instead of refusing the data."""


class Method(Section):
    """What of the model is trained."""

    kind: Literal["full", "lora", "adalora"] = "lora"
    rank: int = Field(default=16, ge=1)
    """Of AdaLoRA the average at the end; it begins with `init_rank`."""
    init_rank: int = Field(default=0, ge=0)
    """AdaLoRA's rank at the beginning; 0 is one and a half times `rank`."""
    alpha: float = Field(default=0.0, ge=0)
    """The adapter's weight, which is divided by the rank; 0 is twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    """Names, or ends of names, of linear layers; empty takes the recipe's."""
    orthogonality: float = Field(default=0.5, ge=0)
    """Weight of AdaLoRA's penalty on factors that are not orthogonal."""

    @model_validator(mode="after")
    def _ranks_fit(self) -> Method:
        if self.kind == "adalora" and self.init_rank and self.init_rank <= self.rank:
            raise ValueError(f"init_rank {self.init_rank} must be above rank {self.rank}, which it is cut down to")
        return self


class Config(Section):
    """One run. `options` belong to the recipe, which checks them."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    recipe: str
    model: str
    """A reference as the workers take it: a folder, a hub name, `package:NAME`."""
    precision: Precision = "float32"
    """Of the base model. With method `full` its weights stay in 32 bits and `bfloat16` is what they compute in."""
    device: str = "auto"
    train: Source
    dev: Source
    method: Method = Method()
    options: dict[str, Any] = Field(default_factory=dict)

    steps: int = Field(default=0, ge=0)
    """Optimiser steps; 0 counts `epochs` instead."""
    epochs: float = Field(default=3.0, gt=0)
    batch_size: int = Field(default=16, ge=1)
    """Examples in an optimiser step, over all processes."""
    micro_batch: int = Field(default=0, ge=0)
    """Examples that go through the model at once; 0 lets the recipe choose. Gradients of a batch add up exactly, so it
    changes speed and memory, not the result."""
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    gradient_checkpointing: bool = False
    seed: int = 0

    evaluate_every: int = Field(default=0, ge=0)
    """Steps between two looks at the dev set; 0 looks twenty times in a run."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between two checkpoints; 0 is as often as evaluations."""
    checkpoints_kept: int = Field(default=2, ge=2)
    patience: int = Field(default=0, ge=0)
    """Evaluations without a better dev loss after which the run ends; 0 never ends early."""

    def total_steps(self, examples: int) -> int:
        """Optimiser steps of a run over so many *examples*."""
        return self.steps or max(1, round(self.epochs * self.steps_in_epoch(examples)))

    def steps_in_epoch(self, examples: int) -> int:
        return -(-examples // self.batch_size)


def read_config(path: Path, changes: Sequence[str] = ()) -> Config:
    """The run in *path*, with *changes* such as `method.rank=8`. Raises InvalidConfig, which names file and key."""
    return checked(path, changed(read_yaml(path), changes))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in *path*. Raises InvalidConfig."""
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InvalidConfig(f"{path} holds no settings. Begin with one from training/configs.")
    return values


def changed(values: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """*values* with each `key=value` of *changes* put in; a dot leads into a section, the value is read as YAML."""
    import yaml

    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise InvalidConfig(f"--set {change!r} is no key=value. Write for example --set method.rank=8.")
        try:
            values = _put(values, key.split("."), yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise InvalidConfig(f"--set {change!r}: {text!r} is no YAML value.") from error
    return values


def _put(values: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    head, *rest = keys
    if rest:
        inner = values.get(head) or {}
        if not isinstance(inner, Mapping):
            raise InvalidConfig(f"{head!r} is {inner!r} and has no {rest[0]!r}; set {head} itself.")
        value = _put(inner, rest, value)
    return {**values, head: value}


def checked(path: Path, values: Mapping[str, Any]) -> Config:
    """*values* as a run. Raises InvalidConfig."""
    return validated(Config, values, str(path))


def validated(kind: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """*values* as a *kind*; the first thing wrong with them is an InvalidConfig that names *where*, key and value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "settings"
        remedy = "This key is not known." if fault["type"] == "extra_forbidden" else f"{fault['msg']}."
        shown = "" if fault["type"] == "missing" else f" = {fault['input']!r}"
        raise InvalidConfig(f"{where}: {key}{shown}: {remedy}") from error


def dump(config: Config) -> str:
    """*config* as the YAML that reads back as the same."""
    import yaml

    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
