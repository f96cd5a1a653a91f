"""`options` of an end-to-end run, and of one for its connector."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from training.runs.config import Section
from workers.summarize.writing.generator import T5_TASK
from workers.summarize.writing.model_notes import SUMMARY_TOKENS


class Options(Section):
    """What belongs to the recipe `e2e`; the run's `model` is the text model."""

    speech_model: str
    """The Whisper whose encoder hears, by reference."""
    encoder: Literal["frozen", "adapted"] = "adapted"
    stack: int = Field(default=8, ge=1, le=64)
    """Encoder positions, of 20 ms each, that are put side by side into one embedding."""
    downsample: int = Field(default=1, ge=1, le=64)
    """Positions that are averaged before they are stacked."""
    hidden: int = Field(default=1024, ge=1)
    """Width between the connector's two layers."""
    asr_adapter: Path | None = None
    """An adapter of the speech model to begin with."""
    summary_adapter: Path | None = None
    """An adapter of the text model to begin with."""
    connector: Path | None = None
    """A run of this recipe, or of `connector`, whose connector to begin with; it decides what `stack`, `downsample` and
    `hidden` are."""
    states: Path | None = None
    """The folder in which a frozen encoder's states are kept, as the recipe `connector` does; none reads anew."""
    writes: Literal["summary", "text"] = "summary"
    longest_s: float = Field(default=300.0, gt=0)
    """The longest audio of an example."""
    overlong: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of an example that is longer, or that the text model cannot read at once. None is cut."""
    instruction: str = T5_TASK
    suffix: str = "\nMinutes:"
    """Behind the audio for a decoder-only model."""
    max_new_tokens: int = Field(default=SUMMARY_TOKENS, ge=1)
    """Of a summary that is written to be measured."""

    @model_validator(mode="after")
    def _kept_states_stay(self) -> Options:
        if self.states is not None and self.encoder != "frozen":
            raise ValueError(f"states are those of a frozen encoder, and encoder is {self.encoder}; leave one out")
        return self


class ConnectorOptions(Section):
    """What belongs to the recipe `connector`; the run's `model` is the text model whose tokens it learns."""

    speech_model: str
    """The Whisper whose encoder hears, by reference."""
    states: Path
    """The folder in which the encoder's states are kept; about 138 MB for an hour of audio with tiny.en in 16 bits."""
    stack: int = Field(default=6, ge=1, le=64)
    """Encoder positions, of 20 ms each, that are put side by side; CTC wants more of what comes of it than tokens."""
    downsample: int = Field(default=1, ge=1, le=64)
    """Positions that are averaged before they are stacked."""
    hidden: int = Field(default=384, ge=1)
    """Width between the connector's first layer and its last."""
    layers: int = Field(default=2, ge=0, le=64)
    """Convolutions over time between the two."""
    longest_s: float = Field(default=300.0, gt=0)
    """The longest audio of an example; a longer one is refused."""
