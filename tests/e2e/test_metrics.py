"""What Prometheus reads from a running stack agrees with what happened to real meetings."""

from __future__ import annotations

import os
import re
import signal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from schema.core.states import CoverageKind, MeetingState
from schema.core.units import s_of_samples
from schema.meetings.tables import Coverage, Note, Summary
from tests.e2e.scrape import scrape_api, scrape_worker, worker_url
from tests.running_stack import RunningStack

ID = re.compile(r"[0-9a-f]{12,}")


def covered_s(running: RunningStack, kind: CoverageKind) -> float:
    """The audio of all meetings in the ledger."""
    length = func.sum(Coverage.end_sample - Coverage.first_sample)
    with running.database.read() as session:
        return s_of_samples(session.scalar(select(length).where(Coverage.kind == kind)) or 0)


def rows(running: RunningStack, table: type[Note] | type[Summary]) -> int:
    with running.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_metrics_of_a_meeting_add_up_to_the_rows_in_the_database(running: RunningStack) -> None:
    # The stack has had other meetings, and a worker that was started again counts from 0.
    transcribed, summarized = scrape_worker(running, "transcribe"), scrape_worker(running, "summarize")
    covered = {kind: covered_s(running, kind) for kind in CoverageKind}
    notes = rows(running, Note)
    meeting = running.create(main=running.clip)
    assert scrape_api(running).value("minutebook_meetings", state="live") >= 1
    running.start_streaming(meeting, speed=6.0)
    running.wait_until_claimed(meeting)
    assert scrape_api(running).value("minutebook_live_sockets") >= 1
    running.wait_until_streamed(meeting)
    assert running.state(meeting) == MeetingState.FINISHED

    api, transcribe = scrape_api(running), scrape_worker(running, "transcribe")
    assert api.value("minutebook_append_seconds_count") >= meeting.audio_s
    assert api.value("minutebook_http_request_seconds_count", method="POST", route="/v1/meetings", status="2xx") >= 1
    assert api.value("minutebook_store_up", store="database") == api.value("minutebook_store_up", store="redis") == 1
    for kind in CoverageKind:
        name = "minutebook_coverage_seconds_total"
        counted = transcribe.value(name, kind=kind) - transcribed.value(name, kind=kind)
        assert counted == pytest.approx(covered_s(running, kind) - covered[kind], abs=0.01), kind
    steps = transcribe.value("minutebook_step_seconds_count")
    assert 0 < transcribe.value("minutebook_step_windows_count") <= steps
    assert transcribe.value("minutebook_committed_latency_seconds_count") >= 90  # the clip has 97 words
    assert transcribe.value("minutebook_track_behind_seconds_count") > 0
    assert transcribe.value("minutebook_process_resident_bytes", process="0") > 100e6  # a process with the model
    assert transcribe.value("minutebook_leases_lost_total") == 0

    summarize = scrape_worker(running, "summarize")
    written = summarize.value("minutebook_note_seconds_count") - summarized.value("minutebook_note_seconds_count")
    assert written >= rows(running, Note) - notes > 0
    assert summarize.value("minutebook_minutes_seconds_count", kind="final") >= 1


def test_no_label_is_an_id(running: RunningStack) -> None:
    running.stream(running.clip, lambda _: None)
    httpx.get(f"{running.stack.api_url}/v1/meetings/{'0' * 32}", trust_env=False)
    httpx.request("SING", f"{running.stack.api_url}/{'1' * 32}", trust_env=False)
    for found in (scrape_api(running), scrape_worker(running, "transcribe"), scrape_worker(running, "summarize")):
        assert [each for each in found.labels() if ID.search(each[2])] == []
        assert {value for _, label, value in found.labels() if label == "method"} <= {"GET", "POST", "other"}


def test_a_worker_process_that_was_killed_counts_on_and_leaves_no_further_file(running: RunningStack) -> None:
    running.stream(running.clip, lambda _: None)
    before = scrape_worker(running, "transcribe").value("minutebook_step_seconds_count")
    folder = running.stack.data_dir / "metrics"
    files = sorted(folder.rglob("*.db"))
    victim = running.stack.pids("transcribe")[-1]
    running.stream(running.clip, lambda _: os.kill(victim, signal.SIGKILL))
    after = scrape_worker(running, "transcribe").value("minutebook_step_seconds_count")
    assert after > before
    assert sorted(folder.rglob("*.db")) == files


def test_a_worker_answers_only_for_its_metrics_and_only_to_this_machine(running: RunningStack) -> None:
    url = worker_url(running, "transcribe")
    foreign = httpx.get(url, headers={"Host": "attacker.example"}, trust_env=False)
    assert (foreign.status_code, foreign.text) == (403, "this address serves this machine only\n")
    assert httpx.get(url.replace("/metrics", "/"), trust_env=False).status_code == 404
    assert list(text_string_to_metric_families(httpx.get(url, trust_env=False).text))
