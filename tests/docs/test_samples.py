"""Every code block of the documentation runs as it stands, against one running stack."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from deploy import supervisor
from schema.core.states import WebhookEvent
from schema.templates.template import read_template
from tests.docs.conftest import NewUser
from tests.docs.pages import Block, all_blocks
from tests.waiting import wait_until

pytestmark = pytest.mark.model

TRAINS = "trains for minutes to hours"
BENCHMARK = "measures for minutes to hours"
CORPUS = "needs a corpus that is not free to pass on"
TRAINED = "needs a trained run"
CORRECTIONS = "needs corrections; tests/training/data/test_corrections.py builds a data set of some"
VOICES = "needs voices that were told apart; tests/api/test_speakers.py has them"
LIVE = "needs audio between two commands; tests/api/test_off_record.py marks passages of a live meeting"
BACKUP = "needs a stack that is stopped; tests/deploy/test_backup.py makes and restores a backup"
NOT_RUN = {
    "README.md: Try it 1": "installs, and takes minutes",
    "docs/api.md: Live: `WS /v1/realtime?intent=transcription` 1": "needs the npm package ws",
    "docs/decisions/0013-stemmer-and-numbers.md: Measured 1": CORPUS,
    "docs/operate.md: Backup and restore 1": BACKUP,
    "docs/operate.md: Backup and restore 2": BACKUP,
    "docs/operate.md: Backup and restore 3": BACKUP,
    "docs/operate.md: Containers 1": "needs a container engine",
    "docs/operate.md: Dashboard and alerts 1": "needs a container engine",
    "docs/performance.md: Live meetings 1": BENCHMARK,
    "docs/performance.md: Beside other systems 1": BENCHMARK,
    "docs/performance.md: Fact by fact 1": BENCHMARK,
    "docs/performance.md: Files 1": BENCHMARK,
    "docs/performance.md: Kills 1": BENCHMARK,
    "docs/performance.md: Noise 1": BENCHMARK,
    "docs/performance.md: Speakers 1": BENCHMARK,
    "docs/performance.md: Speech without words 1": BENCHMARK,
    "docs/training-reference.md: Several GPUs 1": "needs several GPUs",
    "docs/training-reference.md: Export 1": TRAINED,
    "docs/training-results.md: tiny.en in noise 1": TRAINS,
    "docs/training-results.md: base in the same noise 1": TRAINS,
    "docs/training-results.md: Audio context 1": TRAINS,
    "docs/training-results.md: The critic 1": BENCHMARK,
    "docs/training-results.md: End to end 1": CORPUS,
    "docs/training-results.md: The whole model listens 1": CORPUS,
    "docs/training-results.md: Notes adapter 1": CORPUS,
    "docs/training-results.md: Whole meetings 1": CORPUS,
    "docs/training-results.md: Recognised text 1": CORPUS,
    "docs/training.md: 2. Train 1": TRAINS,
    "docs/training.md: 2. Train 2": TRAINED,
    "docs/training.md: 3. Put it into service 1": TRAINED,
    "docs/training.md: 3. Put it into service 2": TRAINED,
    "docs/training.md: The included notes adapter 1": CORPUS,
    "docs/training.md: The embedded writer 1": TRAINS,
    "docs/training.md: The critic 1": TRAINS,
    "docs/training.md: A context as long as the audio 2": "measures a test set with two systems",
    "docs/training.md: A context as long as the audio 3": TRAINS,
    "docs/training.md: From audio to a summary in one model 1": TRAINS,
    "docs/training.md: From audio to a summary in one model 2": TRAINED,
    "docs/training.md: Compare methods in a sweep 1": TRAINS,
    "docs/training.md: Evaluate 1": TRAINED,
    "docs/training.md: Have people rate 1": "needs an evaluation, and people",
    "docs/training.md: Corrections as data 1": CORRECTIONS,
    "docs/training.md: Have a machine read texts out 1": CORPUS,
    "docs/use.md: Off the record 1": LIVE,
    "docs/use.md: Speakers 1": VOICES,
    "docs/use.md: Speakers 2": VOICES,
}
"""Blocks that cannot run here, and why. Their commands are parsed all the same."""

WATCH = "minutebook watch recordings/"
ONE_FILE = f"""
coproc {WATCH} --settle 0 --every 0.1
read -r line <&"${{COPROC[0]}}"
[[ $line == "monday.wav: upload "* ]]
kill -INT "$COPROC_PID"
"""
DECODE = "ffmpeg -i talk.mp3 -ar 16000 -ac 1 -f s16le -"
PLACEHOLDERS: dict[str, dict[str, str]] = {
    "README.md: Try it 2": {"ID": "meeting", " 17 ": "segment"},
    "docs/api.md: Webhooks 1": {"ID": "webhook", "https://hooks.example.com": "receiver"},
    "docs/use.md: Say it beforehand 1": {"ID": "meeting"},
    "docs/use.md: Templates 1": {"ID": "meeting"},
    "docs/use.md: Minutes in another language 1": {"ID": "meeting"},
    "docs/use.md: Type notes 1": {"ID": "live", " 3 ": "note"},
    "docs/use.md: Correct a transcript 1": {"ID": "meeting", " 17 ": "segment"},
    "docs/use.md: Correct the minutes 1": {"ID": "meeting", "s3f0c9a1b2d4e": "sentence"},
    "docs/use.md: Read a meeting again 1": {"ID": "meeting", "medical-terms": "adapter", "short-minutes": "adapter"},
    "docs/use.md: Live meetings 1": {DECODE: "pcm"},
    "docs/use.md: Recordings 1": {WATCH: "watch"},
}
"""What is replaced in a block, and the name of the value that replaces it."""


class Values:
    """The values that replace placeholders. Each is looked up when a block needs it."""

    def __init__(self, user: NewUser, meeting_id: str) -> None:
        self.meeting = meeting_id
        self.adapter = "base"
        self.watch = ONE_FILE
        """A watch that ends after the first file."""
        self.pcm = DECODE if user.finds("ffmpeg") else "cat talk.pcm"
        self.receiver = "http://127.0.0.1:9"
        self._user = user

    @property
    def segment(self) -> str:
        return f" {self._api('transcript')['segments'][0]['id']} "

    @cached_property
    def live(self) -> str:
        """A meeting that goes on."""
        url = f"{self._user.running.stack.api_url}/v1/meetings"
        created = httpx.post(url, json={"title": "live"}, trust_env=False, timeout=60).raise_for_status()
        return str(created.json()["id"])

    @property
    def note(self) -> str:
        """A note in the meeting that goes on."""
        self._user.run("minutebook", "note", self.live, "Budget")
        out = self._user.run("minutebook", "notes", self.live, "--json")
        return f" {json.loads(out.splitlines()[0])['id']} "

    @property
    def sentence(self) -> str:
        wait_until("the minutes are rewritten", lambda: self._api("")["revising"], lambda revising: not revising)
        out = self._user.run("minutebook", "sentences", self.meeting, "--json")
        return str(json.loads(out.splitlines()[0])["id"])

    @property
    def webhook(self) -> str:
        self._user.run("minutebook", "webhooks", "add", f"{self.receiver}/other")
        out = self._user.run("minutebook", "webhooks", "list", "--json")
        return str(json.loads(out.splitlines()[0])["id"])

    def _api(self, part: str) -> Any:
        url = f"{self._user.running.stack.api_url}/v1/meetings/{self.meeting}/{part}".rstrip("/")
        return httpx.get(url, trust_env=False, timeout=60).raise_for_status().json()


@pytest.fixture(scope="module")
def values(user: NewUser) -> Values:
    """With a finished meeting of two speakers."""
    user.run("minutebook", "upload", "panel.wav", "--channels", "speakers", "--wait")
    listed = user.run("minutebook", "list", "--json").splitlines()
    (meeting_id,) = [each["id"] for each in map(json.loads, listed) if each["title"] == "panel"]
    return Values(user, meeting_id)


def samples(language: str) -> pytest.MarkDecorator:
    """The blocks of *language* that run here."""
    chosen = [block for block in all_blocks() if block.language == language and block.name not in NOT_RUN]
    return pytest.mark.parametrize("block", chosen, ids=lambda block: block.name)


def filled_in(block: Block, values: Values, user: NewUser) -> str:
    text = block.text.replace("http://127.0.0.1:8765", user.running.stack.api_url)
    for placeholder, name in PLACEHOLDERS.get(block.name, {}).items():
        assert placeholder in text
        text = text.replace(placeholder, getattr(values, name))
    return text


def test_every_exception_belongs_to_a_block() -> None:
    names = {block.name for block in all_blocks()}
    assert set(NOT_RUN) - names == set()
    assert set(PLACEHOLDERS) - names == set()
    assert {block.language for block in all_blocks()} <= {"sh", "python", "js", "http", "text", "yaml", "json"}


@samples("sh")
def test_a_shell_sample_runs(block: Block, user: NewUser, values: Values) -> None:
    user.shell(filled_in(block, values, user))


@samples("yaml")
def test_a_yaml_sample_is_a_template(block: Block, tmp_path: Path) -> None:
    (tmp_path / "sample.yaml").write_text(block.text, encoding="utf-8")
    assert read_template(tmp_path / "sample.yaml").sections


@samples("json")
def test_a_json_sample_starts_a_command_that_there_is(block: Block, user: NewUser) -> None:
    for server in json.loads(block.text)["mcpServers"].values():
        user.shell(" ".join([server["command"], *server["args"], "--help"]))


@samples("python")
def test_a_python_sample_runs(block: Block, user: NewUser, values: Values, monkeypatch: pytest.MonkeyPatch) -> None:
    text = filled_in(block, values, user)
    if "Webhook(secret)" in text:
        return exec(text, received_message())
    if "with Stack(" in text:
        monkeypatch.setattr(supervisor, "Stack", the_running_one(user))
        return exec(text, {})
    assert user.run(sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", text)
    return None


def received_message() -> dict[str, Any]:
    """What a program has that received the message of the page."""
    secret, now, body = "whsec_" + "c2VjcmV0" * 4, datetime.now(UTC), http_message().partition("\n\n")[2].strip()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }
    return {"secret": secret, "body": body, "headers": headers}


def the_running_one(user: NewUser) -> Callable[..., AbstractContextManager[Any]]:
    """Stands for `Stack`, with the same arguments, because a second stack would load the models once more."""
    signature = inspect.signature(supervisor.Stack)

    def stack(*arguments: Any, **named: Any) -> AbstractContextManager[Any]:
        signature.bind(*arguments, **named)
        return nullcontext(user.running.stack)

    return stack


def http_message() -> str:
    (block,) = (block for block in all_blocks() if block.language == "http")
    return block.text


def test_the_message_of_a_webhook_has_the_headers_and_members_that_are_sent() -> None:
    head, _, body = http_message().partition("\n\n")
    names = [line.partition(":")[0] for line in head.splitlines()[1:]]
    assert names == ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"]
    message = json.loads(body)
    assert list(message) == ["type", "timestamp", "data"]
    assert WebhookEvent(message["type"]) == WebhookEvent.MINUTES_FINAL
    assert datetime.fromisoformat(message["timestamp"])


def test_lines_of_json_in_drawings_are_json() -> None:
    lines = [line for block in all_blocks() if block.language == "text" for line in block.text.splitlines()]
    found = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(found) >= 2
