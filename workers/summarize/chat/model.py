"""The interface of models that answer in a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


class ChatUnavailable(Exception):
    """The model gave no answer. The message says why and what helps. It never has a key in it."""


class ChatModel(Protocol):
    """A model that answers in a chat, with JSON of a given schema where it can be held to one."""

    @property
    def name(self) -> str:
        """The name under which minutes say who wrote them."""

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> str:
        """The answer to *messages*. Raises ChatUnavailable."""
