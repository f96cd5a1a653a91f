"""A chat model whose tokens are counted and bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schema.minutes.model_use import ModelUse
from workers.summarize.chat.model import ChatAnswer, ChatModel, ChatUnavailable, Message, estimated_tokens


class MeteredModel:
    """*model*, asked about the meeting *meeting_id* as long as *use* allows it."""

    def __init__(self, model: ChatModel, use: ModelUse, meeting_id: str) -> None:
        self._model = model
        self._use = use
        self._meeting_id = meeting_id

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_tokens(self) -> int:
        return self._model.context_tokens

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        refusal = self._use.refusal(self._meeting_id)
        if refusal is not None:
            raise ChatUnavailable(refusal)
        answered = self._model.answer(messages, schema, max_tokens)
        texts = (*(message.content for message in messages), answered.text)
        self._use.add_answer(self._meeting_id, answered.tokens or sum(map(estimated_tokens, texts)))
        return answered
