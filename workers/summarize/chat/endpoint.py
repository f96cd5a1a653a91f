"""A chat model behind an OpenAI-compatible endpoint: Ollama, vLLM, llama.cpp, LM Studio, or a cloud.

The window's text and the open items leave this machine for the endpoint, so nothing here runs unless it is set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from json import JSONDecodeError
from typing import Any, cast

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, BadRequestError, OpenAI
from openai.types.chat import ChatCompletion

from schema.core.settings import Settings
from workers.summarize.chat.model import ChatAnswer, ChatUnavailable, Message

log = logging.getLogger(__name__)

NO_KEY = "none"
"""Servers on the own machine take any key, but the client wants one."""
_HINTS = {
    401: "Check the key.",
    403: "Check the key and its rights.",
    404: "Check the URL, which usually ends in /v1, and the model's name.",
    429: "The endpoint allows no more requests for now.",
}
ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """Where and how to ask. `concurrency` bounds the requests of this process that are under way at once."""

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    retries: int = 2
    concurrency: int = 2
    context_tokens: int = 8192


def endpoint_options(config: Settings) -> EndpointOptions | None:
    """The endpoint of the settings, None if there is none. Raises InvalidInput if the key's file cannot be read."""
    if not config.summary_url:
        return None
    return EndpointOptions(
        url=config.summary_url,
        model=config.summary_url_model,
        key=config.summary_url_token(),
        timeout_s=config.summary_url_timeout_s,
        retries=config.summary_url_retries,
        concurrency=config.summary_url_concurrency,
        context_tokens=config.summary_url_context,
    )


class EndpointModel:
    """Asks for JSON by its schema. A server that refuses that is asked for any JSON, and then for text."""

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options
        self._formats: list[str] = ["json_schema", "json_object", "text"]
        self._turns = threading.BoundedSemaphore(options.concurrency)
        self._client = OpenAI(
            base_url=options.url,
            api_key=options.key or NO_KEY,
            timeout=options.timeout_s,
            max_retries=options.retries,
        )

    @property
    def name(self) -> str:
        return self._options.model

    @property
    def context_tokens(self) -> int:
        return self._options.context_tokens

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        with self._turns:
            try:
                return self._answer(messages, schema, max_tokens)
            except APIError as error:
                raise ChatUnavailable(_told(error, self._options)) from error
            except JSONDecodeError as error:  # The client lets half an answer through.
                raise ChatUnavailable(f"{self._options.url} gave no whole answer: {error}") from error

    def _answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        while True:
            try:
                return self._asked(messages, schema, max_tokens, self._formats[0])
            except BadRequestError as error:
                if len(self._formats) == 1 or not _is_about_format(error):
                    raise
                refused = self._formats.pop(0)
                log.info("the endpoint of %s does not take the format %s", self.name, refused)

    def _asked(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int, form: str) -> ChatAnswer:
        formats: dict[str, Any] = {
            "json_schema": {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": schema}},
            "json_object": {"type": form},
            "text": {"type": form},
        }
        answered = self._client.chat.completions.create(
            model=self._options.model,
            messages=cast("Any", [asdict(message) for message in messages]),
            response_format=formats[form],
            max_tokens=max_tokens,
            temperature=0.0,
        )
        # A page of HTML comes out of the client as text.
        choices = answered.choices if isinstance(answered, ChatCompletion) else None
        if not choices or not choices[0].message.content:
            raise ChatUnavailable(f"{self._options.url} gave no answer of a chat model.")
        return ChatAnswer(choices[0].message.content, answered.usage.total_tokens if answered.usage else None)


def _is_about_format(error: BadRequestError) -> bool:
    text = str(error.body or error.message).lower()
    return any(word in text for word in ("response_format", "json_schema", "json_object", "schema", "grammar"))


def _told(error: APIError, options: EndpointOptions) -> str:
    """What went wrong, for the log and the minutes. The answer of a server is cut, and the key is left out."""
    if isinstance(error, APITimeoutError):
        return f"{options.url} did not answer within {options.timeout_s:g} s."
    if isinstance(error, APIConnectionError):
        return f"{options.url} is not reached: {error.__cause__ or error}"
    if isinstance(error, APIStatusError):
        said = " ".join(error.message.split())[:ERROR_CHARACTERS]
        hint = _HINTS.get(error.status_code, "")
        text = f"{options.url} answered {error.status_code}: {said} {hint}".strip()
    else:
        text = f"{options.url} gave no usable answer: {' '.join(error.message.split())[:ERROR_CHARACTERS]}"
    return text.replace(options.key, "***") if options.key else text
