"""The language model behind the notes: loads a model and its adapters, and generates text in batches.

A decoder-only model continues a prompt. An encoder–decoder model (T5, mBART) answers one. Both decode greedily, up to
a limit of tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from schema.core.errors import BrokenModel, PromptTooLong, UnknownAdapter
from workers.models.cache import weights_checksum
from workers.models.lora import check_base, check_precision, inject, layers, make_room, read_metadata, used
from workers.models.precision import choose_device, choose_precision, compute_dtype, not_loaded, quantisation
from workers.summarize.writing.generator import PromptFormat, StopRule
from workers.summarize.writing.weights import resolve

PREFIXES_KEPT = 4


@dataclass(slots=True)
class _Prefix:
    """The fixed beginning of a prompt, already read: its tokens, and the keys and values computed from them."""

    tokens: list[int]
    cache: Any


@dataclass(frozen=True, slots=True)
class _Shortlist:
    """The tokens (V,) that a batch may use, their rows (V, width) of the output layer, and what each answer may use.

    `allowed` is (batch, V).
    """

    tokens: torch.Tensor
    weight: torch.Tensor
    allowed: torch.Tensor


class TextModel:
    """A loaded model. Only one thread at a time may call it."""

    def __init__(self, net: Any, tokenizer: Any, reference: str, folder: Path, device: str, precision: str) -> None:
        self.reference, self.folder, self.precision = reference, folder, precision
        self._net = net
        self._tokenizer = tokenizer
        self._device = device
        self._adapter: str | None = None
        self._adapters: dict[str, Path] = {}
        self._asked: dict[str, PromptFormat] = {}
        self._prefixes: OrderedDict[tuple[str, str | None], _Prefix] = OrderedDict()

    @property
    def net(self) -> Any:
        """The network. Training changes it."""
        return self._net

    @property
    def tokenizer(self) -> Any:
        return self._tokenizer

    @property
    def device(self) -> str:
        return self._device

    @property
    def continues(self) -> bool:
        return not self._net.config.is_encoder_decoder

    @property
    def adapter(self) -> str | None:
        return self._adapter

    @property
    def asked(self) -> PromptFormat | None:
        """The adapter's prompt format. Without an adapter: T5's for an encoder–decoder model, else None."""
        plain = None if self.continues else PromptFormat()
        return plain if self._adapter is None else self._asked.get(self._adapter, plain)

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together, or each in an encoder–decoder model."""
        config = self._net.config
        known = (getattr(config, name, None) for name in ("max_position_embeddings", "n_positions"))
        limit = next((value for value in known if value), self._tokenizer.model_max_length)
        return int(min(limit, self._tokenizer.model_max_length))

    @property
    def adapters(self) -> tuple[str, ...]:
        return tuple(sorted(self._adapters))

    def checksum(self) -> str:
        """The checksum of the weights without adapters; see `weights_checksum`."""
        return weights_checksum(self.folder)

    def load_adapter(self, name: str, folder: Path) -> None:
        """Load the PEFT adapter in *folder*, replacing an older one of that name.

        If there are too many, the least recently used one is unloaded. Raises BrokenModel (files missing or
        unreadable) or AdapterMismatch (trained for another base model).
        """
        metadata = read_metadata(folder)
        check_base(name, metadata, self.reference, self.checksum)
        check_precision(name, metadata, self.precision)
        in_use = self._adapter
        make_room(self._net, self._adapters, {name, *filter(None, [in_use])})
        if self._adapters.pop(name, None):
            self._forget(name)
        self.use_adapter(None)
        inject(self._net, name, folder)
        self._adapters[name] = folder
        self._asked.pop(name, None)
        if metadata.instruction is not None:
            suffix = metadata.suffix if self.continues else ""
            self._asked[name] = PromptFormat(metadata.instruction, suffix, metadata.language)
        self.use_adapter(in_use)

    def use_adapter(self, name: str | None) -> None:
        """Generate with the loaded adapter *name*, or with none. Raises UnknownAdapter."""
        if name is not None and name not in self._adapters:
            raise UnknownAdapter(
                f"Adapter {name!r} is not loaded. Load it first; loaded: {', '.join(self.adapters) or 'none'}."
            )
        for layer in layers(self._net):
            layer.enable_adapters(name is not None)
            layer.set_adapter([] if name is None else [name], inference_mode=True)
        used(self._adapters, [] if name is None else [name])
        self._adapter = name

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: Sequence[str] = (),
        lines_once: bool = False,
    ) -> list[str]:
        """The greedy continuation of prefix + prompt for each of *prompts*, cut before the first of the marks *stop*.

        *prefix* is read once and kept for later calls. Each answer has at most *max_new_tokens* tokens.

        With *only*, one text for each prompt, a decoder-only model answers with no tokens but those of that text, of
        the stop marks, and its end token. So it cannot invent names or numbers. This also saves most of a small model's
        arithmetic, the product with the whole vocabulary. With *lines_once* an answer ends before a repeated line,
        since small models fall into loops.

        Raises PromptTooLong if a prompt and its answer exceed the context. A prompt is never cut off.
        """
        if not prompts:
            return []
        ending = StopRule(stop, lines_once)
        with torch.inference_mode():
            if self.continues:
                asked = self._padded(list(prompts), prefix, max_new_tokens)
                return self._decode(*asked, max_new_tokens, ending, self._shortlist(only, stop))
            return self._answer([prefix + prompt for prompt in prompts], max_new_tokens, ending)

    def _answer(self, texts: list[str], max_new_tokens: int, ending: StopRule) -> list[str]:
        batch = self._tokenizer(texts, return_tensors="pt", padding=True, truncation=False).to(self._device)
        self._check_fit(int(batch.attention_mask.sum(dim=1).max()))
        tokens = self._net.generate(**batch, max_new_tokens=max_new_tokens, num_beams=1, do_sample=False)
        return [ending.cut(text) for text in self._tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def _padded(self, prompts: list[str], prefix: str, room: int) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """The tokens (batch, prompt) after *prefix*, the mask (batch, prefix + prompt) and the cache of the prefix.

        *room* tokens must fit after them.
        """
        start = self._read_prefix(prefix)
        asked = [self._tokenizer(prompt, add_special_tokens=False).input_ids for prompt in prompts]
        longest = max(len(tokens) for tokens in asked)
        self._check_fit(len(start.tokens) + longest + room)
        # All rows share the prefix. Their prompts are padded on the left, so that each row's next token has the same
        # index; the mask hides the padding between prefix and prompt.
        cache = deepcopy(start.cache)
        cache.batch_repeat_interleave(len(prompts))
        padded = [[0] * (longest - len(tokens)) + tokens for tokens in asked]
        seen = [[1] * len(start.tokens) + [0] * (longest - len(tokens)) + [1] * len(tokens) for tokens in asked]
        return torch.tensor(padded, device=self._device), torch.tensor(seen, device=self._device), cache

    def _decode(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        cache: Any,
        max_new_tokens: int,
        ending: StopRule,
        shortlist: _Shortlist | None,
    ) -> list[str]:
        """Greedy search. *tokens* (batch, prompt) are left-padded; *mask* (batch, prefix + prompt) is 1 where real."""
        written: list[list[int]] = [[] for _ in tokens]
        done = [False] * len(written)
        for _ in range(max_new_tokens):
            chosen = self._step(tokens, mask, cache, shortlist)
            for row, token in enumerate(chosen.tolist()):
                if not done[row]:
                    written[row].append(token)
                    done[row] = token in self._ends or ending.is_in(self._text(written[row]))
            if all(done):
                break
            tokens = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(written), 1)], dim=1)
        return [ending.cut(self._text(row)) for row in written]

    def _step(self, tokens: torch.Tensor, mask: torch.Tensor, cache: Any, shortlist: _Shortlist | None) -> torch.Tensor:
        """The most likely token (batch,) after *tokens*, among those of *shortlist* if given."""
        hidden = self._hidden(tokens, mask, cache)
        if shortlist is None:
            best: torch.Tensor = self._net.get_output_embeddings()(hidden).argmax(dim=-1)
            return best
        scores = (hidden @ shortlist.weight.T).masked_fill(~shortlist.allowed, float("-inf"))
        return shortlist.tokens[scores.argmax(dim=-1)]

    def _hidden(self, tokens: torch.Tensor, mask: torch.Tensor, cache: Any) -> torch.Tensor:
        """The network's last state (batch, width) after *tokens*, which the cache takes in."""
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        body = self._net.get_decoder()
        read = body(
            input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        last: torch.Tensor = read.last_hidden_state[:, -1]
        return last

    def _shortlist(self, only: Sequence[str], stop: Sequence[str]) -> _Shortlist | None:
        """The tokens of each text of *only*, at the start of a text and inside it, and those that end an answer.

        None if any token may be used.
        """
        head = self._net.get_output_embeddings()
        if not only or type(head) is not torch.nn.Linear:
            return None
        ends = self._ends.union(*map(self._tokens_of, stop))
        found = [ends.union(self._tokens_of(text), self._tokens_of(f" {text}")) for text in only]
        known = sorted(frozenset().union(*found))
        tokens = torch.tensor(known, device=self._device)
        allowed = torch.tensor([[token in each for token in known] for each in found], device=self._device)
        return _Shortlist(tokens, head.weight[tokens], allowed)

    def _tokens_of(self, text: str) -> frozenset[int]:
        return frozenset(self._tokenizer(text, add_special_tokens=False).input_ids)

    def read(self, prefix: str) -> None:
        """Read a *prefix* in advance, so that its first use is as fast as later ones."""
        with torch.inference_mode():
            self._read_prefix(prefix)

    def _read_prefix(self, prefix: str) -> _Prefix:
        key = (prefix, self._adapter)
        if key not in self._prefixes:
            self._prefixes[key] = self._fresh_prefix(prefix)
            while len(self._prefixes) > PREFIXES_KEPT:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        return self._prefixes[key]

    def _fresh_prefix(self, prefix: str) -> _Prefix:
        from transformers import DynamicCache

        tokens = self._tokenizer(prefix).input_ids or [self._net.config.bos_token_id]
        self._check_fit(len(tokens))
        cache = DynamicCache(config=self._net.config)
        self._net(input_ids=torch.tensor([tokens], device=self._device), past_key_values=cache, logits_to_keep=1)
        return _Prefix(tokens, cache)

    def _forget(self, adapter: str) -> None:
        for key in [key for key in self._prefixes if key[1] == adapter]:
            del self._prefixes[key]

    def _check_fit(self, tokens: int) -> None:
        if tokens > self.context_tokens:
            raise PromptTooLong(
                f"{tokens} tokens do not fit the {self.context_tokens} that {self.reference} reads at once. "
                "Split the text."
            )

    @property
    def _ends(self) -> frozenset[int]:
        ends = self._net.generation_config.eos_token_id
        return frozenset(ends if isinstance(ends, list) else [ends])

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))


def load_model(
    reference: str, cache_dir: Path, *, precision: str = "auto", device: str = "auto", threads: int = 0
) -> TextModel:
    """Load the model that *reference* names (`package:gemma-3-270m`, a folder, a hub name).

    *threads* sets the number of CPU threads for the whole process; 0 leaves it unchanged. Raises UnknownModel,
    BrokenModel, UnknownPrecision or UnsupportedPrecision.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = choose_device(device)
    precision = choose_precision(precision, device)
    folder = resolve(reference, cache_dir)
    if threads:
        torch.set_num_threads(threads)
    dtype = compute_dtype(precision, device)
    quantised = quantisation(precision, dtype, device)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        options = {"quantization_config": quantised, "device_map": {"": device}}
        net = kind.from_pretrained(folder, dtype=dtype, trust_remote_code=False, **options)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise BrokenModel(f"The text model in {folder} cannot be loaded: {error}. Fetch it again.") from error
    except (RuntimeError, ImportError) as error:
        raise not_loaded(folder, precision, device, error) from error
    return TextModel(net.eval().requires_grad_(False), tokenizer, reference, folder, device, precision)
