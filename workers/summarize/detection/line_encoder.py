"""What a small language model knows of each line, having read the lines before it.

The lines are read by the lower layers of Gemma 3 270M (Gemma Team 2025, arXiv 2503.19786), which are not trained
further. A line's state is that of the newline after it, and the mean of its own tokens.

Legend: T lines, N tokens, D width of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from schema.core.errors import BrokenModel
from workers.summarize.detection.line_weights import EMBEDDING_ROWS, EMBEDDINGS, LAYERS, TOKENIZER, WEIGHTS
from workers.summarize.text.embedding import Features

STATE = 640
STATES = 2 * STATE
"""The numbers of a line: those of its end, and the mean of its tokens."""
_BEGINNING = 2
"""The token at the beginning of every text."""
_PIECE_TOKENS = 700
_LINE_TOKENS = 256
"""Longer lines are cut. Nobody speaks so long without a pause."""
_CONTEXT_LINES = 10
_BLOCK, _BLOCK_BYTES = 32, 34
"""Embeddings are stored in blocks of numbers in eight bits. A factor in 16 bits stands before each block."""


class LineReader(Protocol):
    def states(self, texts: Sequence[str]) -> Features:
        """The states (T, STATES) of lines with *texts*, each after the lines before it."""


class LineEncoder:
    def __init__(self, net: torch.nn.Module, rows: torch.Tensor, tokenizer: Any) -> None:
        self._net = net
        self._rows = rows
        self._tokenizer = tokenizer
        self._newline = int(tokenizer.piece_to_id("\n"))

    @classmethod
    def load(cls, folder: Path) -> LineEncoder:
        """With the weights that `line_weights` wrote to *folder*. Raises BrokenModel."""
        from sentencepiece import SentencePieceProcessor

        try:
            net = _net()
            net.load_state_dict(
                {name: each.float() for name, each in load_file(folder / WEIGHTS).items()}, strict=False
            )
            with safe_open(folder / EMBEDDINGS, framework="pt") as file:
                rows = file.get_tensor(EMBEDDING_ROWS)
            tokenizer = SentencePieceProcessor(model_file=str(folder / TOKENIZER))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise BrokenModel(f"The text model in {folder} cannot be loaded: {error}. Delete the folder.") from error
        return cls(net.eval().requires_grad_(False), rows, tokenizer)

    def states(self, texts: Sequence[str]) -> Features:
        """The states (T, STATES) of lines with *texts*, each after the lines before it."""
        tokens = [[*self._tokenizer.encode(text)[: _LINE_TOKENS - 1], self._newline] for text in texts]
        found = np.zeros((len(texts), STATES), np.float32)
        for context, first, end in _pieces([len(line) for line in tokens]):
            found[first:end] = self._read(tokens[context:end])[first - context :]
        return found

    def _read(self, lines: Sequence[Sequence[int]]) -> Features:
        """The states (T, STATES) of *lines*, which the model reads at once."""
        flat = torch.tensor([_BEGINNING, *(token for line in lines for token in line)])
        with torch.inference_mode():
            states = self._net(inputs_embeds=self._embedded(flat)[None], use_cache=False).last_hidden_state[0, 1:]
        ends = np.cumsum([len(line) for line in lines])
        own = [states[end - len(line) : end] for line, end in zip(lines, ends, strict=True)]
        return torch.stack([torch.cat([each[-1], each.mean(0)]) for each in own]).numpy()

    def _embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        """The embeddings (N, D) of *tokens* (N)."""
        blocks = self._rows[tokens].numpy().reshape(len(tokens), -1, _BLOCK_BYTES)
        factors = blocks[..., :2].copy().view(np.float16).astype(np.float32)
        numbers: NDArray[np.float32] = blocks[..., 2:].copy().view(np.int8) * factors
        return torch.from_numpy(numbers.reshape(len(tokens), STATE) * np.float32(STATE**0.5))


def _pieces(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(context, first, end) of pieces that the model reads at once. Lines from context to first are only read."""
    first = 0
    while first < len(lengths):
        context = max(first - _CONTEXT_LINES, 0)
        while sum(lengths[context : first + 1]) > _PIECE_TOKENS and context < first:
            context += 1
        end, tokens = first + 1, sum(lengths[context : first + 1])
        while end < len(lengths) and tokens + lengths[end] <= _PIECE_TOKENS:
            tokens += lengths[end]
            end += 1
        yield context, first, end
        first = end


def _net() -> torch.nn.Module:
    from transformers import Gemma3TextConfig, Gemma3TextModel

    net = Gemma3TextModel(
        Gemma3TextConfig(
            vocab_size=1,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            hidden_size=STATE,
            intermediate_size=2048,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=256,
            sliding_window=512,
            rms_norm_eps=1e-6,
            query_pre_attn_scalar=256,
        )
    )
    net.norm = torch.nn.Identity()  # type: ignore[assignment]
    return net
