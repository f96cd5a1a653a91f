"""`make up` and the containers run the same processes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from deploy import service
from schema.core import queues
from schema.core.database import Database
from schema.core.settings import Settings

COMPOSE = service.PROCFILE.with_name("compose.yaml")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
ENTRIES = {entry.name: entry.command for entry in service.read_procfile()}
OURS = sorted(set(ENTRIES) - {"redis"})

NOT_MEANT = {
    "MINUTEBOOK_DATA_DIR",  # a volume
    "MINUTEBOOK_DATABASE_URL",  # the container `postgres`
    "MINUTEBOOK_REDIS_URL",  # the container `redis`
    "MINUTEBOOK_METRICS_HOST",  # Prometheus reads it inside the network of the composition only
    "MINUTEBOOK_METRICS_PORT",  # likewise
    "MINUTEBOOK_METRICS_DIR",  # of the container alone
    "MINUTEBOOK_MODEL_DIR",  # in the data folder, which is a volume
    "MINUTEBOOK_ADAPTER_DIR",  # likewise
    "MINUTEBOOK_AUTH",  # an API that listens beyond loopback always asks for keys
    "MINUTEBOOK_API_HOST",  # API_ADDRESS chooses the address of the host
    "MINUTEBOOK_API_PORT",  # likewise
    "MINUTEBOOK_FLOWER_PORT",
}
"""Settings that the containers fix or do not need."""

PLACE_OPTIONS = {"--address", "--port", "--bind", "--dir", "--schedule"}
"""Options for where a process listens or writes, which differ between one machine and containers."""


def _words(command: str) -> list[str]:
    """The command as its program gets it, without priority, places and defaults of variables.

    Defaults may differ: containers run one process per GPU, one machine runs one per core.
    """
    words = shlex.split(re.sub(r"\$\{(\w+):-[^}]*\}", r"${\1}", command))
    if words[:2] == ["nice", "-n"]:
        words = words[3:]
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word.partition("=")[0] not in PLACE_OPTIONS:
            kept.append(word)
        skip = not skip and word in PLACE_OPTIONS
    return kept


def test_procfile_and_compose_name_the_same_processes() -> None:
    monitoring = {name for name, each in SERVICES.items() if each.get("profiles") == ["monitoring"]}
    assert set(SERVICES) - {"postgres"} - monitoring == set(ENTRIES)
    assert monitoring == {"prometheus", "grafana"}


@pytest.mark.parametrize("name", OURS)
def test_procfile_and_compose_run_the_same_command(name: str) -> None:
    assert _words(SERVICES[name]["command"]) == _words(ENTRIES[name])


def test_the_queue_server_has_the_same_durability_in_both() -> None:
    durability = {"--appendonly": "yes", "--appendfsync": "everysec", "--maxmemory-policy": "noeviction"}
    for command in (ENTRIES["redis"], SERVICES["redis"]["command"]):
        words = shlex.split(command)
        assert {option: words[words.index(option) + 1] for option in durability} == durability
        assert words[words.index("--maxmemory") + 1] == "${MINUTEBOOK_REDIS_MAXMEMORY:-1gb}"


@pytest.mark.parametrize("queue", queues.ALL_QUEUES)
def test_every_queue_has_a_worker_of_its_name(queue: str) -> None:
    words = _words(ENTRIES[queue])
    assert words[words.index("-Q") + 1] == queue
    assert words[words.index("-n") + 1] == f"{queue}@%h"
    assert "-E" in words


@pytest.mark.parametrize("name", OURS)
def test_a_container_waits_for_the_containers_it_needs(name: str) -> None:
    needs = {needed: how["condition"] for needed, how in SERVICES[name]["depends_on"].items()}
    if name == "migrate":
        assert needs == {"postgres": "service_healthy"}
    else:
        assert needs == {"redis": "service_healthy", "migrate": "service_completed_successfully"}


def test_only_the_transcribe_service_requests_a_gpu() -> None:
    assert [name for name, service in SERVICES.items() if "deploy" in service] == ["transcribe"]


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports.pop(0) == "${API_ADDRESS:-127.0.0.1:8765}:8765"
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_every_container_or_is_listed_as_fixed(name: str) -> None:
    known = {f"MINUTEBOOK_{name.upper()}" for name in Settings.model_fields} | {"MINUTEBOOK_LOG_LEVEL"}
    given = {key: value for key, value in SERVICES[name]["environment"].items() if key.startswith("MINUTEBOOK_")}
    passed_on = {key for key, value in given.items() if value is None or value.startswith(f"${{{key}:-")}
    assert passed_on == known - NOT_MEANT
    assert set(given) - passed_on <= NOT_MEANT


def test_keys_and_address_of_s3_reach_every_container() -> None:
    wanted = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"}
    for name in OURS:
        named = {each for each in SERVICES[name]["environment"] if each.startswith("AWS_")}
        assert named == wanted | {"AWS_ENDPOINT_URL"}


def test_the_password_of_the_database_stands_in_no_url() -> None:
    for name in OURS:
        environment = SERVICES[name]["environment"]
        assert "PASSWORD" not in environment["MINUTEBOOK_DATABASE_URL"]
        assert environment["PGPASSWORD"] == SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]


def test_the_driver_takes_any_password_as_compose_passes_it(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    password = "a@b:c/d%e#f$g'h\"i\\j k"
    monkeypatch.setenv("PGPASSWORD", password)
    address = make_url(postgres_url).set(password=None)
    database = Database(address.render_as_string(hide_password=False))
    with database.read() as session:
        driver: Any = session.connection().connection.dbapi_connection
        assert driver.info.password == password
    database.close()


@pytest.mark.parametrize("name", ["api", "transcribe", "summarize", "ingest", "speakers", "flower"])
def test_every_process_that_can_answer_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "deploy.readiness", name]


def test_one_process_has_the_gpu_unless_more_are_asked_for() -> None:
    assert "-c ${MINUTEBOOK_ASR_PROCESSES:-1} " in SERVICES["transcribe"]["command"]
    assert SERVICES["transcribe"]["environment"]["MINUTEBOOK_ASR_PROCESSES"] == "${MINUTEBOOK_ASR_PROCESSES:-1}"


def test_the_image_contains_the_packages_that_the_processes_run() -> None:
    lines = (Path(COMPOSE).with_name("Dockerfile")).read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}
    assert {"schema", "api", "workers", "deploy", "requirements/cpu.lock", "requirements/torch.lock"} <= copied
