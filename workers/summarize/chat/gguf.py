"""A chat model in a GGUF file, run by llama.cpp in this process. Processes share the file, which is mapped."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from schema.core.errors import BrokenModel, UnknownModel
from workers.summarize.chat.model import ChatAnswer, ChatUnavailable, Message

log = logging.getLogger(__name__)

SUFFIX = ".gguf"
CONTEXT_TOKENS = 8192
INSTALL = "Run: pip install 'minutebook[gguf]'"


def is_gguf(reference: str) -> bool:
    """Whether the reference of a model names a GGUF file."""
    return reference.lower().endswith(SUFFIX)


class GgufModel:
    """The model in *path*, with *threads* threads; 0 lets llama.cpp choose. Raises UnknownModel or BrokenModel.

    Its answers are held to their schema by a grammar.
    """

    def __init__(self, path: Path, threads: int = 1, context_tokens: int = CONTEXT_TOKENS) -> None:
        if not path.is_file():
            raise UnknownModel(f"There is no file {path}. Set MINUTEBOOK_SUMMARY_MODEL to a GGUF file.")
        try:
            import xllamacpp
        except ImportError as error:
            raise UnknownModel(f"GGUF models need llama.cpp. {INSTALL}") from error
        self._path = path
        self._context_tokens = context_tokens
        self._turn = threading.Lock()
        try:
            self._server = xllamacpp.Server(_parameters(xllamacpp, path, threads, context_tokens))
        except RuntimeError as error:
            raise BrokenModel(f"{path} cannot be loaded: {error}. Is it a whole GGUF file?") from error

    @property
    def name(self) -> str:
        return self._path.stem

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any], max_tokens: int) -> ChatAnswer:
        asked = {
            "messages": [asdict(message) for message in messages],
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}},
        }
        with self._turn:
            answered = self._server.handle_chat_completions(asked)
        if "error" in answered:
            raise ChatUnavailable(f"{self.name}: {answered['error'].get('message', 'it gave no answer')}")
        content = answered["choices"][0]["message"].get("content")
        if not content:
            raise ChatUnavailable(f"{self.name} gave an empty answer.")
        return ChatAnswer(str(content), answered.get("usage", {}).get("total_tokens"))


def _parameters(xllamacpp: Any, path: Path, threads: int, context_tokens: int) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = context_tokens
    parameters.n_parallel = 1
    parameters.warmup = False
    parameters.verbosity = 0
    if threads:
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # It also listens, which nobody needs: on loopback, on a free port, with a key that nobody knows.
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [secrets.token_urlsafe(32)]
    return parameters
