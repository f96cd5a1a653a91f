"""Commands that work on the database and the broker, and their messages when something is wrong."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis
from rich.console import Console
from rich.table import Table

from schema.core import migrate, queues
from schema.core.command_line import FAILED, id_column
from schema.core.database import Database
from schema.meetings.tables import Failure, Meeting
from tests.api.cli.conftest import RunMinutebook
from tests.immutable import immutable
from workers.asr.kernels.int8 import pays_here

LACKING = 'import torch; torch.ops.onednn = torch._ops._OpNamespace("absent")'
"""Python code that removes operators from PyTorch that some release lacks."""
BROKEN = 'import sys; sys.modules["torch"] = None'
"""Python code that keeps PyTorch from being imported."""


def test_db_upgrade_migrates_once_and_db_current_names_the_revision(minutebook: RunMinutebook, data_dir: Path) -> None:
    assert "at no revision" in minutebook("db", "current").out
    assert minutebook("db", "upgrade").status == 0
    assert f"at revision {migrate.head()}" in minutebook("db", "upgrade").out
    assert minutebook("db", "current").out == f"at {migrate.head()}, needed {migrate.head()}\n"
    assert (data_dir / "minutebook.db").exists()


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(minutebook: RunMinutebook) -> None:
    minutebook("db", "upgrade")
    key = minutebook("keys", "create", "--name", "Lobby", "--scope", "write").out.strip()
    listed = minutebook("keys", "list").out
    assert "Lobby" in listed
    assert "write" in listed
    assert key not in listed
    key_id = key.split("_")[1]
    assert minutebook("keys", "revoke", key_id).status == 0
    refused = minutebook("keys", "revoke", "nonsense")
    assert refused.status == 1
    assert refused.err.startswith("error: there is no key 'nonsense'")


def test_an_unmigrated_database_is_reported_with_the_remedy(minutebook: RunMinutebook) -> None:
    refused = minutebook("failures", "list")
    assert refused.status == 1
    assert "is not migrated; run 'minutebook db upgrade'" in refused.err
    assert "Traceback" not in refused.err


def add_failure(data_dir: Path, meeting_id: str) -> None:
    database = Database(f"sqlite:///{data_dir / 'minutebook.db'}")
    with database.write() as session:
        session.add(Failure(task=queues.SUMMARIZE, arguments=[meeting_id], reason="broken-model", detail="no weights"))
    database.close()


def url_of(client: Redis) -> str:
    connection = client.connection_pool.connection_kwargs
    return f"redis://127.0.0.1:{connection['port']}/{connection['db']}"


def test_a_replayed_failure_is_enqueued_with_its_task_and_arguments(
    minutebook: RunMinutebook, data_dir: Path, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutebook("db", "upgrade")
    add_failure(data_dir, "m1")
    assert "broken-model" in minutebook("failures", "list").out
    unreachable = minutebook("failures", "replay", "--all")
    assert unreachable.status == 1
    assert "check MINUTEBOOK_REDIS_URL" in unreachable.err
    assert "broken-model" in minutebook("failures", "list").out  # it was not marked as replayed

    monkeypatch.setenv("MINUTEBOOK_REDIS_URL", url_of(redis_client))
    assert minutebook("failures", "replay", "1").out == "1 task enqueued again\n"
    message = json.loads(redis_client.lrange(queues.SUMMARIZE_QUEUE, 0, -1)[0])
    assert message["headers"]["task"] == queues.SUMMARIZE
    assert "m1" in message["headers"]["argsrepr"]
    assert minutebook("failures", "list").out == "no failures\n"
    assert "broken-model" in minutebook("failures", "list", "--all").out


def test_a_replayed_failure_goes_to_the_stack_that_runs_in_the_data_folder(
    minutebook: RunMinutebook, data_dir: Path, redis_client: Redis
) -> None:
    minutebook("db", "upgrade")
    add_failure(data_dir, "m2")
    facts = {"api_url": "http://127.0.0.1:2", "redis_url": url_of(redis_client)}
    (data_dir / "run").mkdir()
    (data_dir / "run" / "stack.json").write_text(json.dumps(facts))
    assert minutebook("failures", "replay", "1").out == "1 task enqueued again\n"
    message = json.loads(redis_client.lrange(queues.SUMMARIZE_QUEUE, 0, -1)[0])
    assert "m2" in message["headers"]["argsrepr"]


def test_a_command_asks_the_stack_that_runs_in_the_data_folder(
    minutebook: RunMinutebook, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINUTEBOOK_URL", raising=False)
    (data_dir / "run").mkdir()
    (data_dir / "run" / "stack.json").write_text(json.dumps({"api_url": "http://127.0.0.1:2", "redis_url": ""}))
    assert "http://127.0.0.1:2 cannot be reached" in minutebook("list").err
    assert "http://127.0.0.1:3 cannot be reached" in minutebook("list", "--url", "http://127.0.0.1:3").err
    (data_dir / "run" / "stack.json").write_text("{")
    monkeypatch.setattr("api.cli.options.DEFAULT_URL", "http://127.0.0.1:4")
    assert "http://127.0.0.1:4 cannot be reached" in minutebook("list", "--url", "").err


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("arguments", [["db", "current"], ["--help"], ["db", "--help"]])
def test_a_command_whose_output_finds_no_room_says_so_in_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "api.cli", *arguments]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert ended.returncode == FAILED
    assert ended.stderr.decode().splitlines() == [
        "error: standard output cannot be written (No space left on device); free some space, or write it elsewhere"
    ]


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_still_shows_whole_ids(columns: int) -> None:
    ids = ["ec36f255c21482ca8a5ad8c7", "e"]
    table = Table(id_column("id", ids), "created", "length", "state", "behind", "title", box=None)
    for each in ids:
        table.add_row(each, "2026-11-30 02:18", "12:03:13", "summarizing", "12.5 s", "A long title " * 5)
    shown = io.StringIO()
    Console(width=columns, file=shown).print(table)
    assert ids[0] in shown.getvalue()


def test_a_narrow_terminal_still_shows_the_whole_meeting_id_of_a_failure(
    minutebook: RunMinutebook, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    minutebook("db", "upgrade")
    meeting_id = "ec36f255c21482ca8a5ad8c7"
    database = Database(f"sqlite:///{data_dir / 'minutebook.db'}")
    with database.write() as session:
        session.add(Meeting(id=meeting_id, owner="local", title="Launch", language="en", vocabulary=[]))
        session.flush()
        task, detail = queues.SUMMARIZE, "the worker did not survive this work"
        session.add(
            Failure(task=task, meeting_id=meeting_id, arguments=[meeting_id], reason="worker-lost", detail=detail)
        )
    database.close()
    assert meeting_id in minutebook("failures", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["failures", "replay"], "give either the id of a failure or --all"),
        (["live"], "give either a file, or '-' for standard input, or --mic"),
        (["live", "absent.wav"], "absent.wav is not a file"),
        (["live", "-", "--speed", "-2"], "--speed -2.0 is not valid"),
        (["live", "-", "--speed", "nan"], "--speed nan is not valid"),
        (["live", "-", "--language", "Klingon"], "language = 'Klingon' is not valid"),
        (["live", "-", "--url", "nonsense"], "'nonsense' is not the URL of an API"),
    ],
)
def test_invalid_arguments_are_refused_in_one_line_with_the_remedy(
    minutebook: RunMinutebook, arguments: list[str], message: str
) -> None:
    refused = minutebook(*arguments, stdin=b"\0\0")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith(f"error: {message}")
    assert refused.err.count("\n") == 1


def test_an_empty_pipe_creates_no_meeting(minutebook: RunMinutebook) -> None:
    refused = minutebook("live", "-", stdin=b"")
    assert refused.status == 2
    assert refused.err.startswith("error: the source ended without audio (0 bytes)")


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("MINUTEBOOK_LEASE_MS", "soon", "valid integer"),
        ("MINUTEBOOK_REDIS_URL", "localhost", "write redis://"),
        ("MINUTEBOOK_ASR_PRECISION", "int3", "'bfloat16', 'float16', 'int8' or 'int4'"),
        ("MINUTEBOOK_SUMMARY_PRECISION", "8bit", "'bfloat16', 'float16', 'int8' or 'int4'"),
        ("MINUTEBOOK_ASR_DEVICE", "gpu", "use auto, cpu, cuda, or cuda:1"),
        ("MINUTEBOOK_SUMMARY_DEVICE", "cuda:one", "use auto, cpu, cuda, or cuda:1"),
        ("MINUTEBOOK_ASR_POLICY", "beam", "'align_att' or 'local_agreement'"),
        # A file is transcribed once 30 s of it wait, so less than that would keep it waiting for ever.
        ("MINUTEBOOK_BACKLOG_LIMIT_S", "39.9", "greater than or equal to 40"),
    ],
)
def test_an_invalid_setting_is_refused_with_its_value_and_the_remedy(
    minutebook: RunMinutebook, monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(name, value)
    refused = minutebook("doctor")
    assert refused.status == 2
    assert refused.err.startswith(f"error: {name} = '{value}' is not valid: ")
    assert remedy in refused.err


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "m1"], ["finish", "m1"], ["delete", "m1", "-y"], ["live", "-"]]
)
def test_an_unreachable_api_is_reported_with_the_remedy(minutebook: RunMinutebook, arguments: list[str]) -> None:
    refused = minutebook(*arguments, stdin=b"\0\0")
    assert refused.status == 1
    assert refused.err.startswith("error: http://127.0.0.1:1 cannot be reached")
    assert "minutebook up" in refused.err


def test_the_doctor_reports_what_is_missing_and_the_remedy(minutebook: RunMinutebook) -> None:
    found = minutebook("doctor")
    assert found.status == 1
    assert "fail redis: no answer" in found.out
    assert "warn database" in found.out
    assert "-> run 'minutebook db upgrade'" in found.out
    assert "fail workers" in found.out


def test_the_doctor_reports_a_good_database_a_redis_without_persistence_and_broken_models(
    minutebook: RunMinutebook, data_dir: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_REDIS_URL", valkey_url)
    broken = data_dir / "models" / "whisper-tiny.en"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    (broken / "SHA256SUMS").write_text(f"{'0' * 64}  config.json\n")
    monkeypatch.setenv("MINUTEBOOK_SUMMARY_MODEL", "package:nonsense")
    minutebook("db", "upgrade")
    lines = [json.loads(line) for line in minutebook("doctor", "--json").out.splitlines()]
    found = {(line["part"], line["health"], line["text"].split(" ")[0]) for line in lines}
    assert ("redis", "ok", "Valkey") in found
    assert ("database", "ok", f"sqlite:///{data_dir / 'minutebook.db'}") in found
    texts = " ".join(line["text"] for line in lines)
    assert "append-only file is off" in texts
    assert "config.json was changed: its checksum differs" in texts
    assert "'package:nonsense' is not known" in texts


def test_the_doctor_never_advises_to_delete_a_model_that_the_user_supplied(
    minutebook: RunMinutebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whisper, gemma = tmp_path / "whisper", tmp_path / "gemma"
    whisper.mkdir()
    gemma.mkdir()
    (gemma / "config.json").write_text("{}")
    monkeypatch.setenv("MINUTEBOOK_ASR_MODEL", str(whisper))
    monkeypatch.setenv("MINUTEBOOK_SUMMARY_MODEL", str(gemma))
    found = minutebook("doctor").out
    assert f"fail speech model: {whisper} has no config.json" in found
    assert f"fail language model: {gemma} holds no *.safetensors weights" in found
    assert found.count("-> put a good copy of it there") == 2
    assert "delete" not in found


def test_the_doctor_reports_a_read_only_database(minutebook: RunMinutebook, data_dir: Path) -> None:
    minutebook("db", "upgrade")
    with immutable(data_dir / "minutebook.db"):
        found = minutebook("doctor")
    assert f"fail database: {data_dir / 'minutebook.db'} is read-only" in found.out


def test_the_doctor_checks_the_stack_that_runs_in_the_data_folder(
    minutebook: RunMinutebook, data_dir: Path, valkey_url: str
) -> None:
    (data_dir / "run").mkdir()
    facts = {"api_url": "http://127.0.0.1:2", "redis_url": valkey_url}
    (data_dir / "run" / "stack.json").write_text(json.dumps(facts))
    found = minutebook("doctor").out
    assert "ok   redis: Valkey" in found
    assert "nothing listens on 127.0.0.1:2" in found


def test_the_doctor_names_the_speech_kernels_and_why_faster_ones_are_not_used(
    minutebook: RunMinutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    found = minutebook("doctor").out
    assert "ok   speech kernels: float32 on cpu; 8 bits are not used: they pay on a processor with VNNI" in found


@pytest.mark.skipif(not pays_here(), reason="8 bits do not pay on this processor, so they are not tried out")
def test_the_doctor_names_an_operator_that_pytorch_lacks(
    minutebook: RunMinutebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "sitecustomize.py").write_text(LACKING)
    monkeypatch.setenv("PYTHONPATH", str(lacking))
    found = minutebook("doctor").out
    assert "warn speech kernels: 8 bits are not used: PyTorch's operators do not work: " in found
    assert "has no attribute 'qlinear_prepack'\n     -> install torch as requirements/torch.lock names it" in found


def test_the_doctor_reports_a_torch_that_cannot_be_imported(
    minutebook: RunMinutebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(broken))
    found = minutebook("doctor").out
    assert "fail speech kernels: cannot be tried out (ModuleNotFoundError: import of torch halted" in found


def test_the_doctor_reports_a_missing_worker_for_each_queue(valkey_url: str) -> None:
    from api.cli.checks import workers
    from api.cli.findings import Health
    from schema.core.settings import Settings

    with Redis.from_url(valkey_url) as redis:
        redis.delete(*queues.ALL_QUEUES)  # other tests leave messages there
    with Celery(broker=valkey_url, set_as_current=False) as celery:
        celery.send_task(queues.SUMMARIZE, ["m1"], queue=queues.SUMMARIZE_QUEUE, headers=queues.sent_now())
    findings = list(workers(Settings(redis_url=valkey_url)))
    assert [finding.health for finding in findings] == [Health.FAIL] * 3
    transcribe, summarize, ingest = [finding.text for finding in findings]
    assert transcribe == "queue transcribe: no worker answers; 0 waiting"
    assert re.fullmatch(r"queue summarize: no worker answers; 1 waiting, the oldest for \d+ s", summarize)
    assert ingest == "queue ingest: no worker answers; 0 waiting"
