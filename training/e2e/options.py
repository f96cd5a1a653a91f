"""`options` of an end-to-end run, and of a run for its connector."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from training.runs.config import Section
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.trained import SUMMARY_TOKENS


class EndToEndOptions(Section):
    """Options of the recipe `e2e`. The run's `model` is the text model."""

    speech_model: str
    """Reference of the Whisper whose encoder is used."""
    encoder: Literal["frozen", "adapted"] = "adapted"
    stack: int = Field(default=8, ge=1, le=64)
    """Encoder positions of 20 ms each that are concatenated into one embedding."""
    downsample: int = Field(default=1, ge=1, le=64)
    """Positions that are averaged before stacking."""
    hidden: int = Field(default=1024, ge=1)
    """Width between the connector's two layers."""
    asr_adapter: Path | None = None
    """An adapter of the speech model to start from."""
    summary_adapter: Path | None = None
    """An adapter of the text model to start from."""
    connector: Path | None = None
    """A run of this recipe or of `connector` whose connector to start from. It sets `stack`, `downsample` and
    `hidden`.
    """
    states: Path | None = None
    """A folder that caches the states of a frozen encoder, as in the recipe `connector`. Without it they are computed
    each time.
    """
    writes: Literal["summary", "text"] = "summary"
    longest_s: float = Field(default=300.0, gt=0)
    """The longest audio of an example."""
    overlong: Literal["refuse", "leave_out"] = "refuse"
    """What to do with an example that is longer, or too long for the text model. Nothing is cut."""
    instruction: str = T5_TASK
    suffix: str = "\nMinutes:"
    """Text after the audio, for a decoder-only model."""
    max_new_tokens: int = Field(default=SUMMARY_TOKENS, ge=1)
    """Length limit of the summaries that are written for evaluation."""

    @model_validator(mode="after")
    def _kept_states_stay(self) -> EndToEndOptions:
        if self.states is not None and self.encoder != "frozen":
            raise ValueError(f"states caches a frozen encoder, but encoder is {self.encoder}; change one of the two")
        return self


class ConnectorOptions(Section):
    """Options of the recipe `connector`. The run's `model` is the text model whose tokens it learns."""

    speech_model: str
    """Reference of the Whisper whose encoder is used."""
    states: Path
    """A folder that caches the encoder's states: about 138 MB for an hour of audio with tiny.en in 16 bits."""
    stack: int = Field(default=6, ge=1, le=64)
    """Encoder positions of 20 ms each that are concatenated. CTC needs more of the results than there are tokens."""
    downsample: int = Field(default=1, ge=1, le=64)
    """Positions that are averaged before stacking."""
    hidden: int = Field(default=384, ge=1)
    """Width between the connector's first and last layer."""
    layers: int = Field(default=2, ge=0, le=64)
    """Convolutions over time between these two layers."""
    longest_s: float = Field(default=300.0, gt=0)
    """The longest audio of an example. Longer examples are refused."""
