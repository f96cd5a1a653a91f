"""The network: Whisper's encoder, the connector, the text model.

The connector's output takes the places of a text in the prompt that the summariser is asked with, so that what a
summariser's adapter has learnt is of use: instruction, audio, and behind it what begins a summary.

Legend: W windows, S encoder positions, D width of the encoder, B examples, T places of a prompt, L tokens of a summary,
N embeddings, F what the connector reads for one, E width of the text model.
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
from training.e2e.connector import Connector, Shape, stacked
from training.e2e.ctc import CtcConnector
from training.networks.whisper_net import encode
from workers.asr.context import STRIDE, Context, audible_positions, condensed_context, short_context
from workers.asr.model import Whisper
from workers.summarize.writing.model import TextModel

ENCODER, TEXT = "encoder.safetensors", "text"
"""What `save_pretrained` writes."""


class SpeechSummarizer(nn.Module):
    """`speech` is a Whisper without its decoder, `text` a transformers model, decoder-only or not."""

    def __init__(
        self, whisper: Whisper, text: TextModel, connector: Connector | CtcConnector, audio_context: bool
    ) -> None:
        """Takes *whisper*'s decoder away. With *audio_context* the encoder reads a context as long as the audio."""
        super().__init__()
        self.speech = whisper.net
        del self.speech.model.decoder, self.speech.proj_out
        self.text = text.net
        self.connector = connector.to(whisper.device)
        self.continues = text.continues
        self.name_or_path = f"{whisper.reference} + {text.reference}"
        self.config: dict[str, Any] = {}
        # PEFT chooses its layers by these.
        self.is_loaded_in_8bit = bool(getattr(text.net, "is_loaded_in_8bit", False))
        self.is_loaded_in_4bit = bool(getattr(text.net, "is_loaded_in_4bit", False))
        self._audio_context = audio_context
        self.together = 1 if whisper.device == "cpu" else 16
        """Windows that are encoded at once: a processor gains nothing from rows side by side, and pays for padding."""

    def context(self, audible: Sequence[int]) -> Context:
        """What the encoder reads of windows with so many positions of sound."""
        total: int = self.speech.config.max_source_positions
        weight = self.speech.model.encoder.conv1.weight
        if self._audio_context:
            return short_context(audible, total, str(weight.device), weight.dtype)
        return condensed_context(audible, total, STRIDE, str(weight.device), weight.dtype)

    def encode(self, mel: torch.Tensor, audible: torch.Tensor, recompute: bool = False) -> list[torch.Tensor]:
        """States (S, D) of each of W windows: features (W, n_mels, frames) with `audible` (W,) positions of sound.

        Windows do not see each other. Silence behind them is read and left out.
        """
        states: list[torch.Tensor] = []
        for first in range(0, len(audible), self.together):
            counts = audible[first : first + self.together].tolist()
            context = self.context(counts)
            rows = encode(self.speech, mel[first : first + len(counts), :, : context.frames], context, recompute)
            states += [row[:count] for row, count in zip(rows, counts, strict=True)]
        return states

    def stacked(self, states: Sequence[torch.Tensor], windows: Sequence[int]) -> list[torch.Tensor]:
        """What the connector reads of each recording, (N, F), of the *states* of so many *windows* of each."""
        rows = [stacked(each, self.connector.shape) for each in states]
        ends = list(accumulate(windows))
        return [torch.cat(rows[end - count : end]) for count, end in zip(windows, ends, strict=True)]

    def hear(self, states: Sequence[torch.Tensor], windows: Sequence[int]) -> list[torch.Tensor]:
        """Embeddings (N, E) of each recording, of the *states* of so many *windows* of each."""
        heard: list[torch.Tensor] = self.connector(self.stacked(states, windows), self.text.get_input_embeddings())
        return heard

    def embed(self, tokens: torch.Tensor, places: torch.Tensor, heard: Sequence[torch.Tensor]) -> torch.Tensor:
        """Embeddings (B, T, E) of *tokens* (B, T), at *places* (B, T) those of the audio, *heard* (N, E) of each."""
        known: torch.Tensor = self.text.get_input_embeddings()(tokens)
        return known.index_put((places,), torch.cat(list(heard)).to(known.dtype))

    def logits(self, embedded: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(B, L, vocabulary) for `labels` (B, L); of *batch*, `attention_mask`, and `position_ids` if it goes on."""
        labels = batch["labels"]
        asked: dict[str, Any] = {"inputs_embeds": embedded, "attention_mask": batch["attention_mask"]}
        if self.continues:
            asked |= {"position_ids": batch["position_ids"], "logits_to_keep": labels.shape[1]}
        else:
            asked["decoder_input_ids"] = self.text.prepare_decoder_input_ids_from_labels(labels=labels)
        logits: torch.Tensor = self.text(**asked, use_cache=False).logits
        return logits

    def save_pretrained(self, folder: Path) -> None:
        """The models' weights, those that learn: `encoder.safetensors` and the folder `text`."""
        encoder = self.speech.model.encoder
        if any(weight.requires_grad for weight in encoder.parameters()):
            save_file({name: weight.contiguous() for name, weight in encoder.state_dict().items()}, folder / ENCODER)
        self.text.save_pretrained(folder / TEXT)


def cut(samples: Samples) -> list[Samples]:
    """The windows of *samples* (n,), each but the last of 30 s."""
    return [samples[first : first + WINDOW_LIMIT_SAMPLES] for first in range(0, len(samples), WINDOW_LIMIT_SAMPLES)]


def embeddings(windows: Sequence[Samples], shape: Shape) -> int:
    """How many embeddings stand for *windows*."""
    return sum(shape.embeddings(audible_positions(len(window))) for window in windows)


def most_embeddings(seconds: float, shape: Shape) -> int:
    """No fewer than stand for so many *seconds* of audio."""
    whole, rest = divmod(round(seconds * SAMPLE_RATE_HZ) + 1, WINDOW_LIMIT_SAMPLES)
    full = shape.embeddings(audible_positions(WINDOW_LIMIT_SAMPLES))
    return whole * full + (shape.embeddings(audible_positions(rest)) if rest else 0)
