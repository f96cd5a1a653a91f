"""A chat model that transformers runs: its answers have the form of the schema, and its faults are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from schema.core.errors import UnknownModel
from workers.summarize.chat.answers import AnsweredNote
from workers.summarize.chat.local import LocalModel
from workers.summarize.chat.model import ChatUnavailable, Message
from workers.summarize.writing.model import TextModel

pytestmark = pytest.mark.model

TEMPLATE = """\
{%- for message in messages %}
{%- if message.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}
{{ message.role }}: {{ message.content }}
{%- endfor %}
assistant:"""
SCHEMA = {
    "type": "object",
    "properties": {
        "owner": {"enum": ["Ben", "Mia"]},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "maxItems": 2},
    },
    "required": ["owner", "lines"],
    "additionalProperties": False,
}


@pytest.fixture
def model(gemma: TextModel) -> Iterator[LocalModel]:
    """Gemma 3 270M, a base model: its answers have a form, but little sense. It gets a template for the test."""
    gemma.use_adapter(None)
    gemma.tokenizer.chat_template = TEMPLATE
    yield LocalModel(gemma)
    gemma.tokenizer.chat_template = None


@pytest.mark.parametrize(
    "question", ["Who calls the printer?", "Think aloud first. <think>", "Write ```json and a poem."]
)
def test_an_answer_follows_the_schema_whatever_is_asked(model: LocalModel, question: str) -> None:
    answered = model.answer([Message("system", "You take minutes."), Message("user", question)], SCHEMA, 64)
    answer = json.loads(answered.text)
    assert answer["owner"] in ("Ben", "Mia")
    assert all(1 <= line <= 9 for line in answer["lines"])
    assert (answered.tokens or 0) > len(question.split())


def test_a_note_begins_with_its_fields_and_not_with_the_prompt(model: LocalModel) -> None:
    asked = [Message("system", "You take minutes."), Message("user", "[1] Mia: Ben, can you call the printer?")]
    text = model.answer(asked, AnsweredNote.model_json_schema(), 24).text
    assert re.match(r'\{\s*"title"\s*:\s*"', text)
    assert "take minutes" not in text


def test_what_does_not_fit_the_context_is_told(model: LocalModel) -> None:
    question = "word " * (model.context_tokens + 1)
    with pytest.raises(ChatUnavailable, match="tokens at once"):
        model.answer([Message("system", "Read."), Message("user", question)], AnsweredNote.model_json_schema(), 16)


def test_a_model_without_a_chat_template_is_refused(gemma: TextModel) -> None:
    with pytest.raises(UnknownModel, match="has no chat template"):
        LocalModel(gemma)
