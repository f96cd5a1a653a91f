"""A chat model that transformers runs in this process. A grammar holds its answers to their schema.

So no prompt text, no thinking and no markup gets into an answer, whatever the model would rather write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from jinja2 import TemplateError

from schema.core.errors import UnknownModel
from workers.summarize.chat.model import ChatAnswer, ChatUnavailable, Message
from workers.summarize.writing.model import TextModel

INSTALL = "Run: pip install 'minutebook[chat]'"
BYTE_BITS = 8


class LocalModel:
    """*model*, which must have a chat template. Raises UnknownModel if it has none, or without llguidance."""

    def __init__(self, model: TextModel) -> None:
        if not model.continues or not model.tokenizer.chat_template:
            raise UnknownModel(
                f"{model.reference} has no chat template. Set MINUTEBOOK_SUMMARY_MODEL to a model that was tuned to "
                "answer in a chat, or MINUTEBOOK_SUMMARY_CHAT=false."
            )
        try:
            from llguidance.hf import from_tokenizer
        except ImportError as error:
            raise UnknownModel(f"Chat models that transformers runs need llguidance. {INSTALL}") from error
        self._model = model
        self._turn = threading.Lock()
        self._ends = _ends(model)
        self._grammar_tokens = from_tokenizer(
            model.tokenizer, n_vocab=model.net.get_output_embeddings().weight.shape[0], eos_token=self._ends
        )

    @property
    def name(self) -> str:
        return self._model.reference

    @property
    def context_tokens(self) -> int:
        return self._model.context_tokens

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        asked = self._prompt(messages)
        count = asked.shape[1]
        if count + max_tokens > self.context_tokens:
            raise ChatUnavailable(
                f"{self.name} reads {self.context_tokens} tokens at once; these are {count} and {max_tokens} to write."
            )
        with self._turn, torch.inference_mode():
            written = self._model.net.generate(
                asked,
                attention_mask=torch.ones_like(asked),
                logits_processor=[_GrammarMask(self._grammar_tokens, schema)],
                max_new_tokens=max_tokens,
                do_sample=False,
                eos_token_id=self._ends,
                pad_token_id=self._ends[0],
            )
        text = self._model.tokenizer.decode(written[0, count:], skip_special_tokens=True)
        return ChatAnswer(str(text), int(written.shape[1]))

    def _prompt(self, messages: Sequence[Message]) -> torch.Tensor:
        """The tokens of the prompt (1, tokens). A template without a system role gets it with the first question."""
        try:
            return self._templated([asdict(message) for message in messages])
        except TemplateError:
            system, user, *rest = messages
            first = Message("user", f"{system.content}\n\n{user.content}")
            return self._templated([asdict(message) for message in (first, *rest)])

    def _templated(self, messages: list[dict[str, str]]) -> torch.Tensor:
        # Templates of models that think take `enable_thinking`; others ignore it.
        tokens: list[int] = self._model.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, enable_thinking=False, return_dict=False
        )
        return torch.tensor([tokens], device=self._model.net.device)


def _ends(model: TextModel) -> list[int]:
    """The tokens that end an answer, the tokenizer's own first."""
    known = model.net.generation_config.eos_token_id
    ends = [model.tokenizer.eos_token_id, *(known if isinstance(known, list) else [known])]
    return list(dict.fromkeys(token for token in ends if token is not None))


class _GrammarMask:
    """Leaves only the tokens that may follow in an answer of *schema*, at each step of one generation."""

    def __init__(self, tokens: Any, schema: Mapping[str, Any]) -> None:
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults={"whitespace_flexible": False})
        self._matcher = LLMatcher(tokens, grammar)
        self._begun = False

    def __call__(self, tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """*scores* (1, vocabulary) with minus infinity where the grammar allows no token."""
        if self._begun:
            self._matcher.consume_token(int(tokens[0, -1]))
        self._begun = True
        allowed = torch.frombuffer(bytearray(self._matcher.compute_bitmask()), dtype=torch.uint8)
        bits = (allowed[:, None] >> torch.arange(BYTE_BITS, dtype=torch.uint8)) & 1
        mask = bits.flatten()[: scores.shape[1]].bool().to(scores.device)
        return scores.masked_fill(~mask, -torch.inf)
