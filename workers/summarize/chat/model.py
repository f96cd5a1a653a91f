"""The interface of models that answer in a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """`tokens` are those of the question and the answer, None if the model does not tell."""

    text: str
    tokens: int | None = None


BYTES_PER_TOKEN = 3
"""Models read English at about four bytes of UTF-8 to a token, other languages and scripts at about three."""


def estimated_tokens(text: str) -> int:
    """About how many tokens *text* has, rather more than fewer."""
    return len(text.encode()) // BYTES_PER_TOKEN + 1


class ChatUnavailable(Exception):
    """The model gave no answer. The message says why and what helps. It never has a key in it."""


class ChatModel(Protocol):
    """A model that answers in a chat, with JSON of a given schema where it can be held to one."""

    @property
    def name(self) -> str:
        """The name under which minutes say who wrote them."""

    @property
    def context_tokens(self) -> int:
        """How many tokens a question and its answer may have together."""

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        """The answer to *messages*. Raises ChatUnavailable."""
