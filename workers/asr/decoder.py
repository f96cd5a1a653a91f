"""Whisper's decoder as our own batched loop over transformers' modules, so that quantised and PEFT layers work in it.

Rows have different prompts: they are padded on the left, so that all rows write their next token at the same place.
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
    """The next token of each row and its log-probability; the likeliest, or drawn where the temperature is above 0."""
    chosen = logits
    if temperatures is not None:
        uniform = torch.rand(logits.shape, generator=sampler, device=logits.device).clamp_(min=1e-20)
        chosen = logits - temperatures * (-uniform.log()).log()  # Gumbel's trick: the maximum is a sample
    tokens = _largest(chosen)
    return tokens, logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]


def _largest(logits: torch.Tensor) -> torch.Tensor:
    """The place of the largest of each row; on a CPU by NumPy, which compares many numbers at a time."""
    return torch.from_numpy(logits.numpy().argmax(-1)) if logits.device.type == "cpu" else logits.argmax(-1)


CHECK_EVERY = 8
"""Tokens between two looks for runaway repetition."""
CACHE_STEP = 16
"""Attention sees so many places of the cache more at a time, those to come hidden: each length needs its own kernel."""


@dataclass(frozen=True, slots=True)
class DecodeTask:
    """What one row decodes: `tokens` are forced (prompt, start of text at `start_index`, prefix), new ones follow."""

    tokens: tuple[int, ...]
    start_index: int
    prefix_tokens: int
    budget: int
    temperature: float = 0.0
    adapter: str | None = None


@dataclass(slots=True)
class Decoded:
    """What one row wrote. `attention` (prefix + new + 1, A, S) belongs to the token that each step predicted."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    no_speech_prob: float = 0.0
    truncated: bool = False
    repeating: bool = False
    done: bool = False
    attention: list[torch.Tensor] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """The rows still decoding. Caches are (B, H, T or S, d) a layer; `pads` counts each row's left padding, and
    `hidden` (B, 1, 1, T) is what is added to the scores of their keys: -inf for the padding and the places to come."""

    rows: list[int]
    adapters: list[str] | None
    pads: torch.Tensor
    temperatures: torch.Tensor | None
    hidden: torch.Tensor
    self_keys: list[torch.Tensor]
    self_values: list[torch.Tensor]
    cross_keys: list[torch.Tensor]
    cross_values: list[torch.Tensor]
    cross_bias: torch.Tensor | None

    def keep(self, kept: Sequence[int]) -> list[int]:
        """Drop every row but the *kept* places; returns which place each remaining row had before.

        Rows from the end take the places of the dropped ones, so that little of the caches moves.
        """
        stay = [i for i in kept if i < len(kept)]
        free = [i for i in range(len(kept)) if i not in set(stay)]
        moved = dict(zip(free, (i for i in kept if i >= len(kept)), strict=True))
        order = [moved.get(i, i) for i in range(len(kept))]
        self.rows = [self.rows[i] for i in order]
        self.adapters = self.adapters and [self.adapters[i] for i in order]
        index = torch.tensor(order, device=self.pads.device)
        self.pads, self.hidden = self.pads[index], self.hidden[index]
        self.temperatures = None if self.temperatures is None else self.temperatures[index]
        self.cross_bias = None if self.cross_bias is None else self.cross_bias[index]
        for caches in (self.self_keys, self.self_values, self.cross_keys, self.cross_values):
            for cache in caches:
                for place, before in moved.items():
                    cache[place] = cache[before]
            caches[:] = [cache[: len(kept)] for cache in caches]
        return order


class Decoder:
    """Greedy (or, a row at a time, sampled) decoding of a batch."""

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
        """(vocabulary,) with -inf where a token may not be written: the model's list, and every mark but the end."""
        vocabulary = self.whisper.vocabulary
        bias = torch.zeros(self.head.weight.shape[0], device=self.whisper.device)
        bias[[*vocabulary.suppressed, *more]] = -torch.inf
        bias[vocabulary.end + 1 :] = -torch.inf
        return bias

    @torch.inference_mode()
    def decode(
        self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None, tasks: Sequence[DecodeTask]
    ) -> list[Decoded]:
        """Decode one text a row of *encoded* (B, S, D). A row's text does not depend on the other rows."""
        batch = self._start(encoded, encoded_bias, tasks)
        results = [Decoded() for _ in tasks]
        sampler = torch.Generator(encoded.device).manual_seed(0)
        logits = self._prefill(batch, tasks, results)
        place = max(len(task.tokens) for task in tasks)
        while True:
            tokens, logprobs = pick(logits, batch.temperatures, sampler)
            going = self._record(batch, tasks, results, tokens.tolist(), logprobs.tolist())
            if not any(going):
                return results
            if not all(going):
                tokens = tokens[batch.keep([i for i, alive in enumerate(going) if alive])]
            logits = self._step(batch, tokens, place, results)
            place += 1

    @torch.inference_mode()
    def languages(self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None) -> list[dict[str, float]]:
        """The probability of each language, for each row of *encoded* (B, S, D). A multilingual model's only."""
        task = DecodeTask(tokens=(self.whisper.vocabulary.start,), start_index=0, prefix_tokens=0, budget=1)
        batch = self._start(encoded, encoded_bias, [task] * len(encoded))
        tokens = torch.full((len(encoded), 1), task.tokens[0], device=encoded.device)
        mask = batch.hidden[..., :1]
        x, _ = self._run(batch, tokens, torch.zeros_like(tokens), 0, mask, 1)
        codes = self.whisper.vocabulary.languages
        logits = self.head(x[:, 0]).float()[:, list(codes.values())]
        return [dict(zip(codes, row, strict=True)) for row in logits.softmax(-1).tolist()]

    def _start(self, encoded: torch.Tensor, encoded_bias: torch.Tensor | None, tasks: Sequence[DecodeTask]) -> _Batch:
        device, rows = encoded.device, len(tasks)
        length = max(len(task.tokens) for task in tasks)
        total = _whole_steps(length + max(task.budget for task in tasks))
        pads = torch.tensor([length - len(task.tokens) for task in tasks], device=device)
        places = torch.arange(total, device=device)
        shape = (rows, self.heads, total, encoded.shape[-1] // self.heads)
        names = [task.adapter for task in tasks]
        adapters = [name or "__base__" for name in names] if any(names) else None
        layers = self.net.layers
        memory = self._memory(encoded, adapters)
        return _Batch(
            rows=list(range(rows)),
            adapters=adapters,
            pads=pads,
            temperatures=_temperatures(tasks, device),
            hidden=_hiding((places < pads[:, None]) | (places >= length), encoded.dtype)[:, None, None, :],
            self_keys=[encoded.new_zeros(shape) for _ in layers],
            self_values=[encoded.new_zeros(shape) for _ in layers],
            cross_keys=memory[: len(layers)],
            cross_values=memory[len(layers) :],
            cross_bias=encoded_bias,
        )

    def _memory(self, encoded: torch.Tensor, adapters: list[str] | None) -> list[torch.Tensor]:
        """What the decoder sees of the audio: the keys of every layer, then the values, (B, H, S, d) each.

        A CPU gains nothing from more than one row at a time, and would hold everything two more times on the way.
        """
        rows, length, width = encoded.shape
        seeing = [layer.encoder_attn for layer in self.net.layers]
        projections = [*(each.k_proj for each in seeing), *(each.v_proj for each in seeing)]
        caches = [encoded.new_empty(rows, self.heads, length, width // self.heads) for _ in projections]
        size = rows if encoded.is_cuda else 1
        for first in range(0, rows, size):
            places = slice(first, first + size)
            parts = project_all(projections, encoded[places], adapters and adapters[places])
            for cache, part in zip(caches, parts, strict=True):
                cache[places] = split_heads(part, self.heads)
        return caches

    def _prefill(self, batch: _Batch, tasks: Sequence[DecodeTask], results: list[Decoded]) -> torch.Tensor:
        """Run the forced tokens. Gives the first new token's logits (B, vocabulary)."""
        length = max(len(task.tokens) for task in tasks)
        end = self.whisper.vocabulary.end
        padded = [[end] * (length - len(task.tokens)) + list(task.tokens) for task in tasks]
        tokens = torch.tensor(padded, device=batch.pads.device)
        places = torch.arange(length, device=batch.pads.device)
        causal = places[:, None] >= places
        itself = places[:, None] == places
        padding = batch.hidden[..., :length] < 0
        mask = _hiding((padding | ~causal) & ~itself, batch.hidden.dtype)
        kept = 1 + max(task.prefix_tokens for task in tasks)
        x, attention = self._run(batch, tokens, (places - batch.pads[:, None]).clamp(min=0), 0, mask, kept)
        for row, (task, result) in enumerate(zip(tasks, results, strict=True)):
            result.attention = list(attention[row, kept - 1 - task.prefix_tokens :])
        starts = torch.tensor([length - len(task.tokens) + task.start_index for task in tasks], device=x.device)
        first = self.head(x[torch.arange(len(tasks)), starts]).float().softmax(-1)
        for row, result in enumerate(results):
            result.no_speech_prob = float(first[row, self.whisper.vocabulary.no_speech])
        bias = torch.stack([self._bias if task.prefix_tokens else self._first_bias for task in tasks])
        return self._logits(x).add_(bias)

    def _step(self, batch: _Batch, tokens: torch.Tensor, place: int, results: list[Decoded]) -> torch.Tensor:
        """Run one token a row, written at *place*. Gives the next token's logits (B, vocabulary)."""
        batch.hidden[..., place] = 0
        mask = batch.hidden[..., : _whole_steps(place + 1)]
        x, attention = self._run(batch, tokens[:, None], (place - batch.pads)[:, None], place, mask, 1)
        for row, weights in zip(batch.rows, attention, strict=True):
            results[row].attention.append(weights[0])
        return self._logits(x).add_(self._bias)

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(x[:, -1])
        return logits.float()

    def _run(
        self, batch: _Batch, tokens: torch.Tensor, positions: torch.Tensor, place: int, mask: torch.Tensor, kept: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States (B, T, D) of *tokens* (B, T), and the last *kept* steps' attention (B, kept, A, S)."""
        x = self.net.embed_tokens(tokens) + self.net.embed_positions.weight[positions]
        attention: list[torch.Tensor] = []
        for index, layer in enumerate(self.net.layers):
            x = self._attend_itself(batch, index, layer, x, place, mask)
            x = self._attend_audio(batch, index, layer, x, kept, attention)
            x = feed_forward(layer, x, batch.adapters)
        return self.net.layer_norm(x), torch.cat(attention, dim=1).transpose(1, 2)

    def _attend_itself(
        self, batch: _Batch, index: int, layer: Any, x: torch.Tensor, place: int, mask: torch.Tensor
    ) -> torch.Tensor:
        attention, after, seen = layer.self_attn, place + x.shape[1], mask.shape[-1]
        h = layer.self_attn_layer_norm(x)
        keys, values = batch.self_keys[index], batch.self_values[index]
        parts = project_all((attention.q_proj, attention.k_proj, attention.v_proj), h, batch.adapters)
        q, keys[:, :, place:after], values[:, :, place:after] = (split_heads(part, self.heads) for part in parts)
        mixed = attend(q, keys[:, :, :seen], values[:, :, :seen], mask)
        return x + project(attention.out_proj, join_heads(mixed), batch.adapters)

    def _attend_audio(
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
        """Note what each row wrote; says which rows go on."""
        going = []
        for row, token, logprob in zip(batch.rows, tokens, logprobs, strict=True):
            if not results[row].done:
                self._record_row(tasks[row], results[row], token, logprob)
            going.append(not results[row].done)
        return going

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


def _whole_steps(places: int) -> int:
    return -(-places // CACHE_STEP) * CACHE_STEP


def _hiding(hidden: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What to add to scores so that those of *hidden* keys do not count."""
    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, -torch.inf)


def _temperatures(tasks: Sequence[DecodeTask], device: torch.device) -> torch.Tensor | None:
    values = [task.temperature for task in tasks]
    return torch.tensor(values, device=device)[:, None] if any(values) else None
