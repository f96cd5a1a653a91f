"""The settings of a run: a YAML file, whose first line is the command that runs it, with `--set key=value` on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schema.adapters.wire import ALPHA_LIMIT
from schema.core.errors import InvalidConfig

TrainingPrecision = Literal["float32", "bfloat16", "int8", "int4"]
SectionT = TypeVar("SectionT", bound=BaseModel)


class Section(BaseModel):
    """A frozen section in which an unknown key is an error. Otherwise a misspelt setting would be ignored silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSource(Section):
    """Where examples come from: the arguments of `training.data.load`."""

    source: str
    split: str
    language: str = "en"
    """The language of examples that name none."""
    limit: int = Field(default=0, ge=0)
    """Use only the first examples; 0 means all."""
    skip_faulty: bool = False
    """Leave out faulty examples and report their number, instead of refusing the data."""


class Method(Section):
    """Which weights of the model are trained, and how."""

    kind: Literal["full", "lora", "adalora"] = "lora"
    rank: int = Field(default=16, ge=1)
    """The rank. For AdaLoRA it is the average at the end; training begins with `init_rank`."""
    init_rank: int = Field(default=0, ge=0)
    """AdaLoRA's initial rank; 0 means one and a half times `rank`."""
    alpha: float = Field(default=0.0, ge=0, le=ALPHA_LIMIT)
    """The adapter's weight, which is divided by the rank; 0 means twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    """Names, or ends of names, of linear layers; empty means the recipe's choice."""
    orthogonality: float = Field(default=0.5, ge=0)
    """Weight of AdaLoRA's penalty for factors that are not orthogonal."""

    @model_validator(mode="after")
    def _ranks_fit(self) -> Method:
        if self.kind == "adalora" and self.init_rank and self.init_rank <= self.rank:
            raise ValueError(
                f"init_rank {self.init_rank} must be above rank {self.rank}, since AdaLoRA only lowers ranks"
            )
        return self


class RunConfig(Section):
    """The settings of one run. The recipe checks its own `options`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    recipe: str
    model: str
    """A reference as the workers take it: a folder, a hub name, or `package:NAME`."""
    precision: TrainingPrecision = "float32"
    """Precision of the base model. With method `full`, weights stay in 32 bits and `bfloat16` is used for computation
    only.
    """
    device: str = "auto"
    train: DataSource
    dev: DataSource
    method: Method = Method()
    options: dict[str, Any] = Field(default_factory=dict)

    steps: int = Field(default=0, ge=0)
    """Optimiser steps; 0 means that `epochs` decides."""
    epochs: float = Field(default=3.0, gt=0)
    batch_size: int = Field(default=16, ge=1)
    """Examples per optimiser step, over all processes."""
    micro_batch: int = Field(default=0, ge=0)
    """Examples that the model processes at once; 0 lets the recipe choose. The gradients of a batch add up exactly, so
    this changes speed and memory, but not the result.
    """
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Fraction of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    gradient_checkpointing: bool = False
    compile: bool = False
    """Whether `torch.compile` fuses the operations of each block of the model. Steps in bfloat16 then take about half
    the time on a CPU, and the first ones a minute more. A CPU needs a C++ compiler for it.
    """
    seed: int = 0

    evaluate_every: int = Field(default=0, ge=0)
    """Steps between two evaluations; 0 means twenty evaluations per run."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between two checkpoints; 0 means at every evaluation."""
    checkpoints_kept: int = Field(default=2, ge=2)
    patience: int = Field(default=0, ge=0)
    """Evaluations without a better dev loss after which the run ends; 0 means never."""

    def total_steps(self, examples: int) -> int:
        """Optimiser steps of a run over so many *examples*."""
        return self.steps or max(1, round(self.epochs * self.steps_in_epoch(examples)))

    def steps_in_epoch(self, examples: int) -> int:
        return -(-examples // self.batch_size)


def read_config(path: Path, changes: Sequence[str] = ()) -> RunConfig:
    """The run in *path*, with *changes* such as `method.rank=8` applied. Raises InvalidConfig, which names file and
    key.
    """
    return parse_config(path, apply_changes(read_yaml(path), changes))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in *path*. Raises InvalidConfig."""
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidConfig(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InvalidConfig(f"{path} contains no settings. Start from a file in training/configs.")
    return values


def apply_changes(values: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """*values* with each `key=value` of *changes* applied. A dot leads into a section; the value is parsed as YAML."""
    import yaml

    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise InvalidConfig(f"--set {change!r} is not key=value. Write for example --set method.rank=8.")
        try:
            values = _put(values, key.split("."), yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise InvalidConfig(f"--set {change!r}: {text!r} is not a YAML value.") from error
    return values


def _put(values: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    head, *rest = keys
    if rest:
        inner = values.get(head) or {}
        if not isinstance(inner, Mapping):
            raise InvalidConfig(f"{head!r} is {inner!r} and has no {rest[0]!r}; set {head} itself.")
        value = _put(inner, rest, value)
    return {**values, head: value}


def parse_config(path: Path, values: Mapping[str, Any]) -> RunConfig:
    """*values* as a run. Raises InvalidConfig."""
    return validate(RunConfig, values, str(path))


def validate(kind: type[SectionT], values: Mapping[str, Any], where: str) -> SectionT:
    """*values* as a *kind*. Raises InvalidConfig for the first fault, with *where*, key and value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "settings"
        remedy = "This key is unknown." if fault["type"] == "extra_forbidden" else f"{fault['msg']}."
        shown = "" if fault["type"] == "missing" else f" = {fault['input']!r}"
        raise InvalidConfig(f"{where}: {key}{shown}: {remedy}") from error


def to_yaml(config: RunConfig) -> str:
    """*config* as YAML that parses to the same run."""
    import yaml

    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
