"""The network: Whisper's encoder, the connector and the text model.

The connector's output replaces the text in the summariser's prompt, so that what a summariser's adapter has learnt
remains useful: first the instruction, then the audio, then what begins a summary.

Legend: W windows, S encoder positions, D width of the encoder, B examples, T positions of a prompt, L tokens of a
summary, N embeddings, F features that the connector reads for one embedding, E width of the text model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_SAMPLES
from training.data.audio import Samples
from training.e2e.connector import Connector, ConnectorShape, stack_states
from training.e2e.ctc import CtcConnector
from training.networks.whisper_net import encode
from workers.asr.context import STRIDE, Context, audible_positions, condensed_context, short_context
from workers.asr.model import Whisper
from workers.summarize.writing.model import TextModel

ENCODER, TEXT = "encoder.safetensors", "text"
"""Names of the files that `save_pretrained` writes."""


class SpeechSummarizer(nn.Module):
    """`speech` is a Whisper without its decoder, `text` a transformers model, encoder-decoder or decoder-only."""

    def __init__(
        self, whisper: Whisper, text: TextModel, connector: Connector | CtcConnector, audio_context: bool
    ) -> None:
        """Removes *whisper*'s decoder. With *audio_context* the encoder's context is as long as the audio."""
        super().__init__()
        self.speech = whisper.net
        del self.speech.model.decoder, self.speech.proj_out
        self.text = text.net
        self.connector = connector.to(whisper.device)
        self.continues = text.continues
        self.name_or_path = f"{whisper.reference} + {text.reference}"
        self.config: dict[str, Any] = {}
        # PEFT chooses its layer classes by these.
        self.is_loaded_in_8bit = bool(getattr(text.net, "is_loaded_in_8bit", False))
        self.is_loaded_in_4bit = bool(getattr(text.net, "is_loaded_in_4bit", False))
        self._audio_context = audio_context
        self.windows_at_once = 1 if whisper.device == "cpu" else 16
        """Windows encoded at once. A CPU gains nothing from batching them, and would pay for the padding."""

    def context(self, audible: Sequence[int]) -> Context:
        """The encoder's context for windows with *audible* positions of sound."""
        total: int = self.speech.config.max_source_positions
        weight = self.speech.model.encoder.conv1.weight
        if self._audio_context:
            return short_context(audible, total, str(weight.device), weight.dtype)
        return condensed_context(audible, total, STRIDE, str(weight.device), weight.dtype)

    def encode(self, mel: torch.Tensor, audible: torch.Tensor, recompute: bool = False) -> list[torch.Tensor]:
        """States (S, D) of each of W windows, given features (W, n_mels, frames) and `audible` (W,) positions of sound.

        Windows do not see each other. Silence after the audio is read and left out of the states.
        """
        states: list[torch.Tensor] = []
        for first in range(0, len(audible), self.windows_at_once):
            counts = audible[first : first + self.windows_at_once].tolist()
            context = self.context(counts)
            rows = encode(self.speech, mel[first : first + len(counts), :, : context.frames], context, recompute)
            states += [row[:count] for row, count in zip(rows, counts, strict=True)]
        return states

    def connector_input(self, states: Sequence[torch.Tensor], windows: Sequence[int]) -> list[torch.Tensor]:
        """The connector's input for each recording, (N, F), given the *states* and the number of *windows* of each."""
        rows = [stack_states(each, self.connector.shape) for each in states]
        ends = list(accumulate(windows))
        return [torch.cat(rows[end - count : end]) for count, end in zip(windows, ends, strict=True)]

    def audio_embeddings(self, states: Sequence[torch.Tensor], windows: Sequence[int]) -> list[torch.Tensor]:
        """Embeddings (N, E) of each recording, given the *states* and the number of *windows* of each."""
        embeddings: list[torch.Tensor] = self.connector(
            self.connector_input(states, windows), self.text.get_input_embeddings()
        )
        return embeddings

    def embed(
        self, tokens: torch.Tensor, audio_positions: torch.Tensor, embeddings: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Embeddings (B, T, E): those of *tokens* (B, T), and at *audio_positions* (B, T) those of the audio.

        *embeddings* holds the audio's embeddings (N, E) of each example.
        """
        known: torch.Tensor = self.text.get_input_embeddings()(tokens)
        return known.index_put((audio_positions,), torch.cat(list(embeddings)).to(known.dtype))

    def logits(self, embedded: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(B, L, vocabulary) for `labels` (B, L). Reads `attention_mask` and, for a decoder-only model, `position_ids`
        of *batch*.
        """
        labels = batch["labels"]
        inputs: dict[str, Any] = {"inputs_embeds": embedded, "attention_mask": batch["attention_mask"]}
        if self.continues:
            inputs |= {"position_ids": batch["position_ids"], "logits_to_keep": labels.shape[1]}
        else:
            inputs["decoder_input_ids"] = self.text.prepare_decoder_input_ids_from_labels(labels=labels)
        logits: torch.Tensor = self.text(**inputs, use_cache=False).logits
        return logits

    def save_pretrained(self, folder: Path) -> None:
        """Saves the trained weights of the models: `encoder.safetensors` and the folder `text`."""
        encoder = self.speech.model.encoder
        if any(weight.requires_grad for weight in encoder.parameters()):
            save_file({name: weight.contiguous() for name, weight in encoder.state_dict().items()}, folder / ENCODER)
        self.text.save_pretrained(folder / TEXT)


def split_windows(samples: Samples) -> list[Samples]:
    """*samples* (n,) as windows of 30 s; the last may be shorter."""
    return [samples[first : first + WINDOW_LIMIT_SAMPLES] for first in range(0, len(samples), WINDOW_LIMIT_SAMPLES)]


def embedding_count(windows: Sequence[Samples], shape: ConnectorShape) -> int:
    """Number of embeddings for *windows*."""
    return sum(shape.embeddings(audible_positions(len(window))) for window in windows)


def max_embedding_count(seconds: float, shape: ConnectorShape) -> int:
    """An upper bound for the number of embeddings of *seconds* of audio."""
    whole, rest = divmod(round(seconds * SAMPLE_RATE_HZ) + 1, WINDOW_LIMIT_SAMPLES)
    full = shape.embeddings(audible_positions(WINDOW_LIMIT_SAMPLES))
    return whole * full + (shape.embeddings(audible_positions(rest)) if rest else 0)
