from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from schema.core.errors import AdapterMismatch, BrokenModel, UnknownAdapter
from tests.adapters import MILD, STEMS, WILD, write_adalora, write_adapter, write_lora
from tests.workers.asr.conftest import MODEL
from training.data.audio import Samples
from workers.asr.context import full_context
from workers.asr.encoder import encode
from workers.asr.engine import Engine, load_engine
from workers.asr.features import log_mel
from workers.asr.hypothesis import Window
from workers.models.lora import ADAPTERS_LIMIT

pytestmark = pytest.mark.model
SECOND = 16_000


@pytest.fixture
def own_engine(models: Path) -> Engine:
    return load_engine(MODEL, models, precision="float32", stride=1)


def _texts(engine: Engine, *windows: Window) -> list[str]:
    return [hypothesis.text for hypothesis in engine.transcribe(windows)]


def test_a_batch_may_mix_lora_adalora_short_contexts_and_no_adapter(
    own_engine: Engine, meeting: Samples, tmp_path: Path
) -> None:
    samples = meeting[: 5 * SECOND]
    (plain,) = _texts(own_engine, Window(samples))
    own_engine.load_adapter("mild@1", write_lora(tmp_path / "mild", MILD))
    own_engine.load_adapter("wild@12", write_lora(tmp_path / "wild", WILD))
    own_engine.load_adapter("ada@1", write_adalora(tmp_path / "ada", MILD))
    own_engine.load_adapter("short@1", write_adalora(tmp_path / "short", 0.0, audio_context=True))
    names = (None, "mild@1", "wild@12", "ada@1", "short@1")
    windows = [Window(samples, adapter=name) for name in names]
    alone = [_texts(own_engine, window)[0] for window in windows]
    assert _texts(own_engine, *windows) == alone
    assert alone[0] == plain
    assert alone[2] != plain


def test_an_adapter_can_be_replaced_while_the_engine_runs(own_engine: Engine, meeting: Samples, tmp_path: Path) -> None:
    window = Window(meeting[: 6 * SECOND], adapter="house")
    own_engine.load_adapter("house", write_lora(tmp_path / "first", 0.05))
    (wild,) = _texts(own_engine, window)
    own_engine.load_adapter("house", write_lora(tmp_path / "second", 0.0))
    assert _texts(own_engine, window) == _texts(own_engine, Window(meeting[: 6 * SECOND]))
    assert wild != _texts(own_engine, window)[0]


def test_adalora_computes_what_peft_computes(own_engine: Engine, meeting: Samples, tmp_path: Path) -> None:
    chance = torch.Generator().manual_seed(3)
    parts = {"lora_A": (4, 384), "lora_B": (1536, 4), "lora_E": (4, 1)}
    weights = {
        f"{stem}.fc1.{part}": torch.randn(*shape, generator=chance) * 0.3
        for stem in STEMS
        for part, shape in parts.items()
    }
    kind = {"peft_type": "ADALORA", "init_r": 4, "total_step": 10}
    own_engine.load_adapter("ada", write_adapter(tmp_path / "ada", kind, weights))
    layer = own_engine.whisper.net.model.encoder.layers[0].fc1
    x = torch.randn(1, 5, 384, generator=chance)
    down, up, values = (weights[f"{STEMS[0]}.fc1.{part}"] for part in parts)
    expected = layer.base_layer(x) + (x @ (down * values).T @ up.T) * 8 / (4 + 1e-5)
    torch.testing.assert_close(layer(x, adapter_names=["ada"]), expected, rtol=1e-4, atol=1e-4)


def test_only_an_adapter_trained_for_it_uses_a_short_context(
    own_engine: Engine, meeting: Samples, tmp_path: Path
) -> None:
    own_engine.load_adapter("short", write_lora(tmp_path / "short", 0.0, audio_context=True))
    own_engine.load_adapter("long", write_lora(tmp_path / "long", 0.0))
    samples = meeting[: 4 * SECOND]
    lengths = {name: own_engine.encode([Window(samples, adapter=name)])[0].shape[1] for name in (None, "long", "short")}
    assert lengths == {None: 1500, "long": 1500, "short": 225}


def test_short_contexts_do_not_depend_on_their_neighbours(own_engine: Engine, meeting: Samples, tmp_path: Path) -> None:
    own_engine.load_adapter("short", write_lora(tmp_path / "short", 0.0, audio_context=True))
    windows = [Window(meeting[: n * SECOND], adapter=name) for n, name in ((9, "short"), (14, "short"), (5, None))]
    assert _texts(own_engine, *windows) == [_texts(own_engine, window)[0] for window in windows]


def test_the_encoder_equals_that_of_transformers_in_the_full_context(exact_engine: Engine, meeting: Samples) -> None:
    mel = log_mel([meeting[: 9 * SECOND]], 3000, 80)
    net = exact_engine.whisper.net
    with torch.inference_mode():
        ours = encode(net, mel, full_context(1, 1500, "cpu"), None)
        theirs = net.model.encoder(mel).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_an_adapter_for_another_base_model_is_refused(own_engine: Engine, tmp_path: Path) -> None:
    folder = write_lora(tmp_path / "other", 0.0, base_model="package:base")
    with pytest.raises(AdapterMismatch, match="package:base"):
        own_engine.load_adapter("other", folder)


def test_a_known_checksum_of_the_base_decides_instead_of_its_name(own_engine: Engine, tmp_path: Path) -> None:
    checksum = own_engine.whisper.checksum()
    same = write_lora(tmp_path / "same", 0.0, base_model="elsewhere/tiny.en", base_checksum=checksum)
    own_engine.load_adapter("same", same)
    assert own_engine.adapters == ("same",)
    with pytest.raises(AdapterMismatch, match="with other weights"):
        own_engine.load_adapter("not", write_lora(tmp_path / "not", 0.0, base_model=MODEL, base_checksum="0" * 64))


def test_an_adapter_of_another_width_is_refused_and_leaves_nothing(
    own_engine: Engine, meeting: Samples, tmp_path: Path
) -> None:
    with pytest.raises(AdapterMismatch, match="does not fit"):
        own_engine.load_adapter("wide", write_lora(tmp_path / "wide", 0.0, width=512))
    assert own_engine.adapters == ()
    assert _texts(own_engine, Window(meeting[: 3 * SECOND]))[0]


def test_a_folder_without_an_adapter_is_refused(own_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"adapter_config\.json"):
        own_engine.load_adapter("none", tmp_path)


def test_unused_adapters_are_unloaded_at_the_limit(own_engine: Engine, meeting: Samples, tmp_path: Path) -> None:
    names = [f"house-{number}" for number in range(ADAPTERS_LIMIT + 2)]
    folder = write_lora(tmp_path / "house", 0.01)
    window = Window(meeting[: 2 * SECOND])
    for name in names[:ADAPTERS_LIMIT]:
        own_engine.load_adapter(name, folder)
    own_engine.transcribe([replace(window, adapter=names[0])])
    for name in names[ADAPTERS_LIMIT:]:
        own_engine.load_adapter(name, folder, keep={names[2]})
    gone = {names[1], names[3]}
    assert set(own_engine.adapters) == set(names) - gone
    loaded = {name for module in own_engine.whisper.net.modules() for name in getattr(module, "lora_A", {})}
    assert loaded == set(own_engine.adapters)
    with pytest.raises(UnknownAdapter, match=names[1]):
        own_engine.transcribe([replace(window, adapter=names[1])])
    for name in gone:
        own_engine.load_adapter(name, folder)
        own_engine.transcribe([replace(window, adapter=name)])


def test_a_batch_may_use_more_adapters_than_stay_loaded(own_engine: Engine, meeting: Samples, tmp_path: Path) -> None:
    names = {f"house-{number}" for number in range(ADAPTERS_LIMIT + 1)}
    folder = write_lora(tmp_path / "house", 0.0)
    for name in sorted(names):
        own_engine.load_adapter(name, folder, keep=names)
    assert set(own_engine.adapters) == names
    own_engine.load_adapter("other", folder)
    assert len(own_engine.adapters) == ADAPTERS_LIMIT


def test_an_adapter_of_another_precision_is_loaded_with_a_warning(
    own_engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for trained in ("bfloat16", "float32"):
        own_engine.load_adapter(f"{trained}@1", write_lora(tmp_path / trained, MILD, precision=trained))
    assert caplog.messages == []
    own_engine.load_adapter("clinic@1", write_lora(tmp_path / "int4", MILD, precision="int4"))
    (message,) = caplog.messages
    assert "clinic@1 was trained on a base model in int4 and is loaded into one in float32" in message
    assert "train it with precision=bfloat16" in message
    assert "clinic@1" in own_engine.adapters
