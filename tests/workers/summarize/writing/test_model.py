"""The text model: its answers, its errors, its adapters and precisions.

Most tests use small models of random weights. Tests that need real weights use the packaged model.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schema.core.errors import (
    AdapterMismatch,
    BrokenModel,
    PromptTooLong,
    UnknownAdapter,
    UnknownModel,
    UnknownPrecision,
)
from tests.models import write_decoder, write_t5, write_text_adapter
from workers.models.cache import MANIFEST, write_manifest
from workers.models.lora import ADAPTERS_LIMIT, layers
from workers.summarize.writing.model import TextModel, load_model
from workers.summarize.writing.weights import resolve

EXAMPLES = """\
Each line said in a meeting is rewritten as one short sentence for the minutes.

Said by Anna: So, um, the supplier raised the price of the screws by ten percent, and that's a problem for us.
Minutes: The supplier raised the price of the screws by ten percent.

Said by Ben: I have asked the printer, you know, and he says that they cannot do it before August.
Minutes: Ben asked the printer, and they cannot do it before August.

Said by Clara: Nobody has told the cleaning company yet, and our contract with them ends in May.
Minutes: Nobody has told the cleaning company yet, and the contract ends in May.

Said by David: I've talked to the landlord, and he says that the heating will be repaired next week.
Minutes: David talked to the landlord, and the heating will be repaired next week.

"""


@pytest.fixture(scope="session")
def small_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder-only model of two layers with a context of 48 tokens."""
    return write_decoder(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="session")
def small_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_t5(tmp_path_factory.mktemp("t5"))


def test_a_batch_of_a_decoder_only_model_gives_the_same_texts_as_one_by_one(
    small_decoder: Path, tmp_path: Path
) -> None:
    model = load_model(str(small_decoder), tmp_path, precision="float32")
    prompts = ["the boiler", "nobody has a key and now the boiler lost pressure", "twice"]
    together = model.generate(prompts, 8, prefix="the boiler lost pressure . ", stop=())
    alone = [model.generate([prompt], 8, prefix="the boiler lost pressure . ", stop=())[0] for prompt in prompts]
    assert together == alone
    assert all(together)


def test_a_cached_prefix_does_not_change_the_text(small_decoder: Path, tmp_path: Path) -> None:
    model = load_model(str(small_decoder), tmp_path, precision="float32")
    first = model.generate(["nobody has"], 8, prefix="the boiler lost ", stop=())
    again = model.generate(["nobody has"], 8, prefix="the boiler lost ", stop=())
    assert again == first == model.generate(["the boiler lost nobody has"], 8, stop=())


def test_a_prompt_that_does_not_fit_is_refused_and_never_cut(
    small_decoder: Path, small_t5: Path, tmp_path: Path
) -> None:
    with pytest.raises(PromptTooLong, match="Split the text"):
        load_model(str(small_decoder), tmp_path).generate(["boiler " * 44], 8)
    with pytest.raises(PromptTooLong, match="Split the text"):
        load_model(str(small_t5), tmp_path).generate(["boiler " * 44], 8)


def test_an_answer_obeys_its_length_stop_and_vocabulary(small_decoder: Path, tmp_path: Path) -> None:
    model = load_model(str(small_decoder), tmp_path, precision="float32")
    [free] = model.generate(["the boiler"], 8, stop=())
    words = free.split()
    assert 1 < len(words) <= 8
    assert model.generate(["the boiler"], 1, stop=()) == words[:1]
    [cut] = model.generate(["the boiler"], 8, stop=(words[0],))
    assert cut == ""
    [kept] = model.generate(["the boiler"], 8, stop=(), only=["key and twice"])
    assert set(kept.split()) <= {"key", "and", "twice"}


def test_answers_of_an_encoder_decoder_model_obey_their_length(small_t5: Path, tmp_path: Path) -> None:
    model = load_model(str(small_t5), tmp_path, precision="float32")
    assert not model.continues
    answers = model.generate(["the boiler lost pressure", "nobody has a key"], 6, prefix="summarize : ", stop=())
    assert len(answers) == 2
    assert all(len(answer.split()) <= 6 for answer in answers)


def test_an_empty_batch_gives_no_texts(small_decoder: Path, tmp_path: Path) -> None:
    assert load_model(str(small_decoder), tmp_path).generate([], 8) == []


@pytest.fixture
def adapter(small_decoder: Path, tmp_path: Path) -> Path:
    """A LoRA that changes what the small decoder writes."""
    return write_text_adapter(small_decoder, tmp_path / "adapter")


def test_an_adapter_can_be_used_by_name_and_taken_out_again(small_decoder: Path, adapter: Path, tmp_path: Path) -> None:
    model = load_model(str(small_decoder), tmp_path, precision="float32")
    before = model.generate(["the boiler"], 8, prefix="nobody has ", stop=())
    model.load_adapter("minutes", adapter)
    assert model.generate(["the boiler"], 8, prefix="nobody has ", stop=()) == before
    model.use_adapter("minutes")
    assert model.adapter == "minutes"
    assert model.generate(["the boiler"], 8, prefix="nobody has ", stop=()) != before
    model.use_adapter(None)
    assert model.generate(["the boiler"], 8, prefix="nobody has ", stop=()) == before


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_lora_and_adalora_can_be_used_in_turn(small_decoder: Path, tmp_path: Path, precision: str) -> None:
    model = load_model(str(small_decoder), tmp_path, precision=precision)
    names = ("plain@1", "ada@1", "other@2")
    for seed, name in enumerate(names, 7):
        kind = "adalora" if name == "ada@1" else "lora"
        model.load_adapter(name, write_text_adapter(small_decoder, tmp_path / name, kind=kind, seed=seed))

    def texts_by_adapter() -> dict[str | None, list[str]]:
        found = {}
        for name in (None, *names):
            model.use_adapter(name)
            found[name] = model.generate(["the boiler"], 8, prefix="nobody has ", stop=())
        return found

    first = texts_by_adapter()
    assert len({texts[0] for texts in first.values()}) == 4
    assert texts_by_adapter() == first


def test_unused_adapters_are_unloaded_at_the_limit(small_decoder: Path, adapter: Path, tmp_path: Path) -> None:
    model = load_model(str(small_decoder), tmp_path, precision="float32")
    names = [f"house@{number}" for number in range(1, ADAPTERS_LIMIT + 2)]
    model.load_adapter(names[0], adapter)
    model.use_adapter(names[0])
    for name in names[1:]:
        model.load_adapter(name, adapter)
    assert model.adapter == names[0]
    assert set(model.adapters) == set(names) - {names[1]}
    assert {name for layer in layers(model._net) for name in layer.lora_A} == set(model.adapters)


def test_an_adapter_of_another_base_or_without_files_is_refused(
    small_decoder: Path, small_t5: Path, adapter: Path, tmp_path: Path
) -> None:
    model = load_model(str(small_decoder), tmp_path)
    with pytest.raises(UnknownAdapter, match="not loaded"):
        model.use_adapter("minutes")
    with pytest.raises(BrokenModel, match=r"adapter_config\.json is missing"):
        model.load_adapter("minutes", tmp_path)
    (adapter / "minutebook.json").write_text(json.dumps({"base_model": "google-t5/t5-small"}))
    with pytest.raises(AdapterMismatch, match="google-t5/t5-small"):
        model.load_adapter("minutes", adapter)


def test_an_unknown_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"gemma-3-270m"):
        resolve("package:gemma-9", tmp_path)
    with pytest.raises(UnknownModel, match="is not a folder"):
        resolve("./no/such/folder", tmp_path)


def test_an_unknown_precision_is_refused(small_decoder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownPrecision, match="int3"):
        load_model(str(small_decoder), tmp_path, precision="int3")


def test_a_changed_or_missing_file_is_refused_before_loading(small_decoder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(small_decoder, copy)
    write_manifest(copy)
    assert resolve(str(copy), tmp_path) == copy
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    with pytest.raises(BrokenModel, match=f"differs from its checksum in {MANIFEST}"):
        resolve(str(copy), tmp_path)
    (copy / "config.json").unlink()
    with pytest.raises(BrokenModel, match=r"config\.json is missing"):
        resolve(str(copy), tmp_path)


@pytest.mark.model
def test_the_packaged_model_continues_an_english_sentence(gemma: TextModel) -> None:
    assert gemma.continues
    [answer] = gemma.generate(["The capital of France is"], 4, only=[" Paris London Rome the a is of city"])
    assert answer.startswith(("Paris", "the"))


@pytest.mark.model
def test_the_packaged_model_leaves_out_hesitation(gemma: TextModel) -> None:
    prompt = "Said by Eva: So, um, the ferry, you know, leaves at noon now.\nMinutes:"
    [answer] = gemma.generate([prompt], 16, prefix=EXAMPLES)
    assert "ferry" in answer
    assert "noon" in answer
    assert "um" not in answer.split()


@pytest.mark.model
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8", "int4"])
def test_the_packaged_model_writes_in_every_precision(precision: str, gemma: TextModel) -> None:
    from schema.core.settings import Settings

    model = load_model("package:gemma-3-270m", Settings().models, precision=precision, device="cpu", threads=1)
    [answer] = model.generate(["Said by Eva: The ferry leaves at noon.\nMinutes:"], 8, prefix=EXAMPLES)
    assert "noon" in answer
