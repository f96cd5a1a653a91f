"""Whisper's decoder: our own batched loop over transformers' modules, in which quantised and PEFT layers work.

The rows of a batch have prompts of different lengths. They are padded on the left, so that all rows write their next
token into the same slot of the caches.

The tokens given with a row are forced: the decoder runs through them in one pass and chooses none of them. They are the
prompt and, as a prefix, the words of the window that are already committed. With the prefix the model continues the
sentence as it stands in the transcript, after the audio that these words cover, and cannot change them.

Legend: B rows, T tokens, S encoder positions, H heads, A alignment heads, D model width, d = D / H.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workers.asr.adapters import project
from workers.asr.encoder import feed_forward, join_heads, split_heads
from workers.asr.kernels.attention import attend, attend_openly
from workers.asr.kernels.products import project_all
from workers.asr.model import Whisper
from workers.asr.repetition import runs_away


def pick(
    logits: torch.Tensor, temperatures: torch.Tensor | None, sampler: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token of each row and its log-probability, (B,) each, from *logits* (B, vocabulary).

    The token is the likeliest one, or a sample in rows whose temperature is above 0.
    """
    chosen = logits
    if temperatures is not None:
        uniform = torch.rand(logits.shape, generator=sampler, device=logits.device).clamp_(min=1e-20)
        chosen = logits - temperatures * (-uniform.log()).log()  # Gumbel-max: the argmax is a sample
    tokens = _argmax(chosen)
    return tokens, logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]


def _argmax(logits: torch.Tensor) -> torch.Tensor:
    """The argmax of each row. On a CPU it is NumPy's, which compares many numbers in one instruction."""
    return torch.from_numpy(logits.numpy().argmax(-1)) if logits.device.type == "cpu" else logits.argmax(-1)


CHECK_EVERY = 8
"""Tokens after which a row is checked again for runaway repetition."""
CACHE_STEP = 16
"""The part of the cache that attention sees grows by this many slots, of which the unused ones are masked. Each length
needs a compiled kernel of its own, so there should be few lengths."""


@dataclass(frozen=True, slots=True)
class DecodeTask:
    """What one row decodes.

    `tokens` are forced: the prompt, the start of the text at `start_index`, and the prefix, which are the last
    `prefix_tokens` tokens. At most `budget` new tokens follow.
    """

    tokens: tuple[int, ...]
    start_index: int
    prefix_tokens: int
    budget: int
    temperature: float = 0.0
    adapter: str | None = None


@dataclass(slots=True)
class Decoded:
    """What one row wrote.

    `attention` is a list of (A, S), one for each predicted token: those of the prefix, the new ones and, unless the
    text is `truncated`, the end. The step that runs token t predicts token t + 1, so its attention counts for the
    latter.
    """

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    no_speech_prob: float = 0.0
    truncated: bool = False
    repeating: bool = False
    done: bool = False
    attention: list[torch.Tensor] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """The rows that are still decoding.

    There is one cache (B, H, T or S, d) per layer. `pads` (B,) is the left padding of each row. `self_bias` (B, 1, 1,
    T) is added to the scores of self-attention: -inf for padding and unused slots, 0 elsewhere.
    """

    rows: list[int]
    adapters: list[str] | None
    pads: torch.Tensor
    temperatures: torch.Tensor | None
    self_bias: torch.Tensor
    self_keys: list[torch.Tensor]
    self_values: list[torch.Tensor]
    cross_keys: list[torch.Tensor]
    cross_values: list[torch.Tensor]
    cross_bias: torch.Tensor | None

    def keep(self, kept: Sequence[int]) -> list[int]:
        """Drop all rows but those at *kept*. Returns the index that each remaining row had before.

        Rows from the end move into the gaps, so that little of the caches is copied.
        """
        stay = [i for i in kept if i < len(kept)]
        free = [i for i in range(len(kept)) if i not in set(stay)]
        moved = dict(zip(free, (i for i in kept if i >= len(kept)), strict=True))
        order = [moved.get(i, i) for i in range(len(kept))]
        self.rows = [self.rows[i] for i in order]
        self.adapters = self.adapters and [self.adapters[i] for i in order]
        index = torch.tensor(order, device=self.pads.device)
        self.pads, self.self_bias = self.pads[index], self.self_bias[index]
        self.temperatures = None if self.temperatures is None else self.temperatures[index]
        self.cross_bias = None if self.cross_bias is None else self.cross_bias[index]
        for caches in (self.self_keys, self.self_values, self.cross_keys, self.cross_values):
            for cache in caches:
                for row, before in moved.items():
                    cache[row] = cache[before]
            caches[:] = [cache[: len(kept)] for cache in caches]
        return order


class Decoder:
    """Decodes a batch, each row greedily or by sampling."""

    def __init__(self, whisper: Whisper) -> None:
        self.whisper = whisper
        self.net = whisper.net.model.decoder
        self.head = whisper.net.proj_out
        self.heads: int = whisper.net.config.decoder_attention_heads
        self.limit: int = whisper.net.config.max_target_positions
        self._aligned = [
            torch.tensor([head for at, head in whisper.alignment_heads if at == layer], device=whisper.device)
            for layer in range(len(self.net.layers))
        ]
        self._bias = self._suppression(())
        self._first_bias = self._suppression(whisper.vocabulary.suppressed_first)

    def _suppression(self, more: Sequence[int]) -> torch.Tensor:
        """The bias (vocabulary,) that forbids tokens: the model's list, *more*, and all special tokens but the end."""
        vocabulary = self.whisper.vocabulary
        bias = torch.zeros(self.head.weight.shape[0], device=self.whisper.device)
        bias[[*vocabulary.suppressed, *more]] = -torch.inf
        bias[vocabulary.end + 1 :] = -torch.inf
        return bias

    @torch.inference_mode()
    def decode(
        self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None, tasks: Sequence[DecodeTask]
    ) -> list[Decoded]:
        """Decode a text for each row of *encoded* (B, S, D), with *encoded_bias* (B, 1, 1, S) on attention to it.

        A row's text does not depend on the other rows.
        """
        batch = self._start(encoded, encoded_bias, tasks)
        results = [Decoded() for _ in tasks]
        sampler = torch.Generator(encoded.device).manual_seed(0)
        logits = self._prefill(batch, tasks, results)
        slot = max(len(task.tokens) for task in tasks)
        while True:
            tokens, logprobs = pick(logits, batch.temperatures, sampler)
            active = self._record(batch, tasks, results, tokens.tolist(), logprobs.tolist())
            if not any(active):
                return results
            if not all(active):
                tokens = tokens[batch.keep([i for i, is_active in enumerate(active) if is_active])]
            logits = self._step(batch, tokens, slot, results)
            slot += 1

    @torch.inference_mode()
    def languages(self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None) -> list[dict[str, float]]:
        """The probability of each language, for each row of *encoded* (B, S, D). The model must be multilingual."""
        task = DecodeTask(tokens=(self.whisper.vocabulary.start,), start_index=0, prefix_tokens=0, budget=1)
        batch = self._start(encoded, encoded_bias, [task] * len(encoded))
        tokens = torch.full((len(encoded), 1), task.tokens[0], device=encoded.device)
        mask = batch.self_bias[..., :1]
        x, _ = self._run(batch, tokens, torch.zeros_like(tokens), 0, mask, 1)
        codes = self.whisper.vocabulary.languages
        logits = self.head(x[:, 0]).float()[:, list(codes.values())]
        return [dict(zip(codes, row, strict=True)) for row in logits.softmax(-1).tolist()]

    def _start(self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None, tasks: Sequence[DecodeTask]) -> _Batch:
        device, rows = encoded.device, len(tasks)
        length = max(len(task.tokens) for task in tasks)
        total = _rounded_up(length + max(task.budget for task in tasks))
        pads = torch.tensor([length - len(task.tokens) for task in tasks], device=device)
        slots = torch.arange(total, device=device)
        shape = (rows, self.heads, total, encoded.shape[-1] // self.heads)
        names = [task.adapter for task in tasks]
        adapters = [name or "__base__" for name in names] if any(names) else None
        layers = self.net.layers
        cross_caches = self._cross_caches(encoded, adapters)
        return _Batch(
            rows=list(range(rows)),
            adapters=adapters,
            pads=pads,
            temperatures=_temperatures(tasks, device),
            self_bias=_mask_bias((slots < pads[:, None]) | (slots >= length), encoded.dtype)[:, None, None, :],
            self_keys=[encoded.new_zeros(shape) for _ in layers],
            self_values=[encoded.new_zeros(shape) for _ in layers],
            cross_keys=cross_caches[: len(layers)],
            cross_values=cross_caches[len(layers) :],
            cross_bias=encoded_bias,
        )

    def _cross_caches(self, encoded: torch.Tensor, adapters: list[str] | None) -> list[torch.Tensor]:
        """The keys of *encoded* (B, S, D) in every layer, then the values in every layer, (B, H, S, d) each.

        A CPU computes them row by row: more rows at a time are no faster and need memory for two further copies.
        """
        rows, length, width = encoded.shape
        attentions = [layer.encoder_attn for layer in self.net.layers]
        projections = [*(each.k_proj for each in attentions), *(each.v_proj for each in attentions)]
        caches = [encoded.new_empty(rows, self.heads, length, width // self.heads) for _ in projections]
        size = rows if encoded.is_cuda else 1
        for first in range(0, rows, size):
            chunk = slice(first, first + size)
            parts = project_all(projections, encoded[chunk], adapters and adapters[chunk])
            for cache, part in zip(caches, parts, strict=True):
                cache[chunk] = split_heads(part, self.heads)
        return caches

    def _prefill(self, batch: _Batch, tasks: Sequence[DecodeTask], results: list[Decoded]) -> torch.Tensor:
        """Run the forced tokens of all rows in one pass. Returns the logits (B, vocabulary) of the first new token."""
        length = max(len(task.tokens) for task in tasks)
        end = self.whisper.vocabulary.end
        padded = [[end] * (length - len(task.tokens)) + list(task.tokens) for task in tasks]
        tokens = torch.tensor(padded, device=batch.pads.device)
        slots = torch.arange(length, device=batch.pads.device)
        causal = slots[:, None] >= slots
        # A padding token sees itself: if its whole row were masked, the softmax would give NaN.
        itself = slots[:, None] == slots
        padding = batch.self_bias[..., :length] < 0
        mask = _mask_bias((padding | ~causal) & ~itself, batch.self_bias.dtype)
        kept = 1 + max(task.prefix_tokens for task in tasks)
        x, attention = self._run(batch, tokens, (slots - batch.pads[:, None]).clamp(min=0), 0, mask, kept)
        for row, (task, result) in enumerate(zip(tasks, results, strict=True)):
            # The token before the prefix predicts its first token, and the last of the prefix the first new one.
            result.attention = list(attention[row, kept - 1 - task.prefix_tokens :])
        starts = torch.tensor([length - len(task.tokens) + task.start_index for task in tasks], device=x.device)
        first = self.head(x[torch.arange(len(tasks)), starts]).float().softmax(-1)
        for row, result in enumerate(results):
            result.no_speech_prob = float(first[row, self.whisper.vocabulary.no_speech])
        # After a prefix the text has begun already, so the model may end it with the first new token.
        bias = torch.stack([self._bias if task.prefix_tokens else self._first_bias for task in tasks])
        return self._logits(x).add_(bias)

    def _step(self, batch: _Batch, tokens: torch.Tensor, slot: int, results: list[Decoded]) -> torch.Tensor:
        """Run one token (B,) of each row in *slot* of the caches. Returns the next token's logits (B, vocabulary)."""
        batch.self_bias[..., slot] = 0
        mask = batch.self_bias[..., : _rounded_up(slot + 1)]
        x, attention = self._run(batch, tokens[:, None], (slot - batch.pads)[:, None], slot, mask, 1)
        for row, weights in zip(batch.rows, attention, strict=True):
            results[row].attention.append(weights[0])
        return self._logits(x).add_(self._bias)

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(x[:, -1])
        return logits.float()

    def _run(
        self, batch: _Batch, tokens: torch.Tensor, positions: torch.Tensor, slot: int, mask: torch.Tensor, kept: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Run *tokens* (B, T) at *positions*, written into the caches from *slot* on.

        Returns their states (B, T, D), and the alignment heads' attention of the last *kept* tokens (B, kept, A, S).
        """
        x = self.net.embed_tokens(tokens) + self.net.embed_positions.weight[positions]
        attention: list[torch.Tensor] = []
        for index, layer in enumerate(self.net.layers):
            x = self._self_attention(batch, index, layer, x, slot, mask)
            x = self._cross_attention(batch, index, layer, x, kept, attention)
            x = feed_forward(layer, x, batch.adapters)
        return self.net.layer_norm(x), torch.cat(attention, dim=1).transpose(1, 2)

    def _self_attention(
        self, batch: _Batch, index: int, layer: Any, x: torch.Tensor, slot: int, mask: torch.Tensor
    ) -> torch.Tensor:
        attention, after, seen = layer.self_attn, slot + x.shape[1], mask.shape[-1]
        h = layer.self_attn_layer_norm(x)
        keys, values = batch.self_keys[index], batch.self_values[index]
        parts = project_all((attention.q_proj, attention.k_proj, attention.v_proj), h, batch.adapters)
        q, keys[:, :, slot:after], values[:, :, slot:after] = (split_heads(part, self.heads) for part in parts)
        mixed = attend(q, keys[:, :, :seen], values[:, :, :seen], mask)
        return x + project(attention.out_proj, join_heads(mixed), batch.adapters)

    def _cross_attention(
        self, batch: _Batch, index: int, layer: Any, x: torch.Tensor, kept: int, seen: list[torch.Tensor]
    ) -> torch.Tensor:
        attention, aligned = layer.encoder_attn, self._aligned[index]
        h = layer.encoder_attn_layer_norm(x)
        q = split_heads(project(attention.q_proj, h, batch.adapters), self.heads)
        keys, values = batch.cross_keys[index], batch.cross_values[index]
        if len(aligned):
            mixed, weights = attend_openly(q, keys, values, batch.cross_bias)
            seen.append(weights[:, aligned, -kept:].float())
        else:
            mixed = attend(q, keys, values, batch.cross_bias)
        return x + project(attention.out_proj, join_heads(mixed), batch.adapters)

    def _record(
        self,
        batch: _Batch,
        tasks: Sequence[DecodeTask],
        results: list[Decoded],
        tokens: list[int],
        logprobs: list[float],
    ) -> list[bool]:
        """Add each row's new token to its result. Returns whether each row continues."""
        active = []
        for row, token, logprob in zip(batch.rows, tokens, logprobs, strict=True):
            if not results[row].done:
                self._record_row(tasks[row], results[row], token, logprob)
            active.append(not results[row].done)
        return active

    def _record_row(self, task: DecodeTask, result: Decoded, token: int, logprob: float) -> None:
        result.logprobs.append(logprob)
        if token == self.whisper.vocabulary.end:
            result.done = True
            return
        result.tokens.append(token)
        written = len(result.tokens)
        result.repeating = written % CHECK_EVERY == 0 and runs_away(result.tokens)
        result.truncated = result.repeating or written >= task.budget
        result.done = result.truncated


def _rounded_up(slots: int) -> int:
    return -(-slots // CACHE_STEP) * CACHE_STEP


def _mask_bias(masked: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The bias on attention scores that leaves out the *masked* keys: -inf for those, 0 for the others."""
    return torch.zeros(masked.shape, dtype=dtype, device=masked.device).masked_fill_(masked, -torch.inf)


def _temperatures(tasks: Sequence[DecodeTask], device: torch.device) -> torch.Tensor | None:
    values = [task.temperature for task in tasks]
    return torch.tensor(values, device=device)[:, None] if any(values) else None
