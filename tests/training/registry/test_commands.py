"""`minutebook adapters` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import settings
from tests import models
from tests.adapters import version
from tests.api.cli.conftest import CommandResult, RunMinutebook
from training.__main__ import build_app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunMinutebook:
    """Runs `minutebook adapters ARGUMENTS` in this process on an empty registry."""
    monkeypatch.setenv("MINUTEBOOK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MINUTEBOOK_MODEL_DIR", str(models.FOLDER))
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", "")
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()
    database = Database(settings().sql_url)
    migrate.upgrade(database)
    database.close()

    def invoke(*arguments: str) -> CommandResult:
        result = CliRunner().invoke(build_app(), ["adapters", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    return invoke


def test_an_empty_registry_says_how_to_fill_it(run: RunMinutebook) -> None:
    assert "adapters publish FOLDER --name NAME" in run("list").out
    assert run("list", "--json").out == ""


@pytest.mark.model
def test_an_adapter_is_published_promoted_rolled_back_and_retired(
    run: RunMinutebook, mild: Path, tmp_path: Path
) -> None:
    sound = str(models.ROOT / "deploy/demo/meeting.flac")
    (tmp_path / "test.jsonl").write_text(json.dumps({"audio": sound, "end_s": 3.0, "text": "Good morning everyone."}))
    assert run("publish", str(mild), "--name", "clinic").out.startswith("clinic@1: lora of rank 4 for package:tiny.en")
    assert "clinic@1 (already published)" in run("publish", str(mild), "--name", "clinic").out
    refused = run("promote", "clinic", "--data", str(tmp_path / "test.jsonl"))
    assert (refused.status, "from 1 groups of examples where 5 are needed" in refused.err) == (1, True)
    assert run("promote", "clinic", "--data", "x", "--force").status == 2
    why = ("--force", "--reason", "a try", "--by", "ann", "--json")
    forced = run("promote", "clinic", "--data", str(tmp_path / "test.jsonl"), *why)
    assert json.loads(forced.out)["compared_with"] == "base"
    shown = run("show", "clinic").out
    assert "ann: promote clinic@1 (forced): a try" in shown
    assert "word error rate" in shown
    assert run("rollback", "clinic").out == "the bare model serves again instead of clinic@1\n"
    assert run("retire", "clinic@1").out == "clinic@1 is retired\n"
    assert json.loads(run("list", "--json").out)["state"] == "retired"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("show", "none"), 1, "there is no adapter 'none'"),
        (("show", "../x"), 2, "is not the name of an adapter"),
        (("rollback", "none"), 1, "there is no adapter 'none'"),
        (("retire", "none@2", "--task", "asr"), 1, "there is no asr adapter 'none' in version 2"),
        (("publish", "/nowhere", "--name", "clinic"), 2, "contains no adapter_config.json"),
        (("list", "--task", "video"), 2, "video"),
    ],
)
def test_invalid_arguments_are_refused_with_the_value(
    run: RunMinutebook, arguments: tuple[str, ...], status: int, message: str
) -> None:
    result = run(*arguments)
    assert result.status == status
    assert message in result.err


def test_the_command_lists_adapters_without_loading_torch(run: RunMinutebook) -> None:
    database = Database(settings().sql_url)
    with database.write() as session:
        session.add(version("clinic", 3))
    database.close()
    command = [sys.executable, "-m", "api.cli", "adapters", "list", "--json"]
    done = subprocess.run(command, cwd=models.ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["label"] == "clinic@3"
    code = (
        "import sys; from training.cli import adapters; from schema.core.settings import settings; "
        "adapters.list_all(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=models.ROOT, check=False).returncode == 0
