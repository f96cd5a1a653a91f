from __future__ import annotations

from pathlib import Path

import pytest

from schema.core.errors import InvalidConfig
from training.runs.config import RunConfig, read_config, to_yaml
from training.runs.optimiser import learning_rate

CONFIGS = Path(__file__).parents[3] / "training/configs"


def write(path: Path, more: str = "") -> Path:
    path.write_text(
        "name: a\nrecipe: whisper\nmodel: package:tiny.en\n"
        f"train: {{source: x, split: train}}\ndev: {{source: x, split: dev}}\n{more}"
    )
    return path


def test_settings_can_be_changed_on_the_command_line(tmp_path: Path) -> None:
    config = read_config(write(tmp_path / "run.yaml"), ["method.rank=8", "precision=int8", "method.targets=[q_proj]"])
    assert (config.method.rank, config.precision, config.method.targets) == (8, "int8", ("q_proj",))


def test_a_dumped_configuration_reads_back_as_the_same(tmp_path: Path) -> None:
    config = read_config(write(tmp_path / "run.yaml"), ["method.kind=adalora", "epochs=0.5"])
    (tmp_path / "again.yaml").write_text(to_yaml(config))
    assert read_config(tmp_path / "again.yaml") == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["method.rank=0"], "method.rank = 0: Input should be greater than or equal to 1"),
        (["method.alpha=.inf"], "method.alpha = inf: Input should be less than or equal to 65504"),
        (["method.rnk=4"], "method.rnk = 4: This key is unknown"),
        (["precision=int2"], "precision = 'int2'"),
        (["name=a/b"], "name = 'a/b'"),
        (["rank"], "not key=value"),
        (["method=4"], "method = 4"),
        (["model.size=4"], "'model' is 'package:tiny.en' and has no 'size'"),
        (["method={kind: adalora, rank: 8, init_rank: 8}"], "init_rank 8 must be above rank 8"),
    ],
)
def test_an_invalid_setting_is_refused_with_its_value(changes: list[str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "run.yaml")
    with pytest.raises(InvalidConfig, match=r".*") as caught:
        read_config(path, changes)
    assert message in caught.value.detail


def test_malformed_and_missing_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1")
    for name in ("bad.yaml", "absent.yaml"):
        with pytest.raises(InvalidConfig, match=name):
            read_config(tmp_path / name)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_first_line_of_a_configuration_is_the_command_that_runs_it(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first.startswith("# minutebook ")
    assert f"training/configs/{path.name}" in first


def run(**changes: object) -> RunConfig:
    here = {"source": "x", "split": "train"}
    return RunConfig.model_validate({"name": "a", "recipe": "b", "model": "c", "train": here, "dev": here, **changes})


def test_the_learning_rate_follows_warmup_and_schedule() -> None:
    config = run(learning_rate=1.0, warmup=0.1, schedule="linear")
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[:2] == pytest.approx([0.1, 0.2])
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[-1] == pytest.approx(1 / 90)
    assert learning_rate(run(learning_rate=1.0, schedule="cosine", warmup=0.0), 50, 100) == pytest.approx(0.5)


def test_steps_are_counted_from_epochs() -> None:
    assert run(epochs=1.5, batch_size=4).total_steps(examples=9) == 4
    assert run(steps=7).total_steps(examples=9) == 7
