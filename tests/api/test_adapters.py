"""`/v1/adapters`, and the adapters that a meeting names as makers of its text."""

from __future__ import annotations

from sqlalchemy import update

from schema.adapters.lifecycle import Grounds, promote
from schema.adapters.registry import find_version
from schema.adapters.wire import AdapterLabel
from schema.core.states import AdapterState, AdapterTask
from schema.meetings.tables import Segment
from tests.adapters import version
from tests.api.conftest import Api
from tests.api.database_rows import add_segment


def test_versions_are_listed_with_the_decisions_about_them(api: Api) -> None:
    with api.database.write() as session:
        session.add_all([version("clinic", 1), version("clinic", 2, AdapterState.DRAFT)])
        session.add(version("short", task=AdapterTask.SUMMARY))
        session.flush()
        first, second = (find_version(session, AdapterTask.ASR, AdapterLabel("clinic", number)) for number in (1, 2))
        promote(session, second, first.id, Grounds("ann", "better", figures={"gain": 0.01}))
    listed = api.http.get("/v1/adapters", params={"task": "asr"}).json()["adapters"]
    assert [(each["label"], each["state"]) for each in listed] == [("clinic@2", "active"), ("clinic@1", "retired")]
    assert len(api.http.get("/v1/adapters").json()["adapters"]) == 3
    shown = api.http.get("/v1/adapters/asr/clinic").json()
    assert [each["label"] for each in shown["versions"]] == ["clinic@2", "clinic@1"]
    (decision,) = shown["decisions"]
    assert (decision["move"], decision["adapter"], decision["replaced"]) == ("promote", "clinic@2", "clinic@1")
    assert (decision["decided_by"], decision["reason"], decision["figures"]) == ("ann", "better", {"gain": 0.01})


def test_an_unknown_adapter_is_not_found(api: Api) -> None:
    assert api.http.get("/v1/adapters/asr/none").status_code == 404
    assert api.http.get("/v1/adapters/video/none").status_code == 422


def test_a_meeting_may_name_a_version_or_the_base_model_but_no_retired_adapter(api: Api) -> None:
    with api.database.write() as session:
        session.add_all([version("clinic", 1, AdapterState.RETIRED), version("clinic", 2, AdapterState.DRAFT)])
    assert api.create(asr_adapter="clinic@2")
    assert api.create(asr_adapter="base")
    for name in ("clinic", "clinic@1"):
        answer = api.http.post("/v1/meetings", json={"asr_adapter": name})
        assert answer.json()["type"] == "urn:minutebook:problem:unknown-adapter"
        assert "clinic@2 (draft), clinic@1 (retired)" in answer.json()["detail"]
    assert api.http.post("/v1/meetings", json={"asr_adapter": "../x"}).status_code == 422


def test_a_meeting_and_its_exports_name_the_models_and_adapters_of_the_text(api: Api) -> None:
    meeting_id = api.create()
    add_segment(api.database, meeting_id, "We move the launch.")
    add_segment(api.database, meeting_id, "To Monday.", 1, 2)
    with api.database.write() as session:
        session.execute(update(Segment).where(Segment.text == "To Monday.").values(adapter="clinic@2"))
    made = api.http.get(f"/v1/meetings/{meeting_id}").json()["made_by"]
    by = [{"model": "tiny.en", "adapter": None}, {"model": "tiny.en", "adapter": "clinic@2"}]
    assert made == {"transcript": by, "minutes": []}
    segments = api.http.get(f"/v1/meetings/{meeting_id}/transcript").json()["segments"]
    assert [segment["adapter"] for segment in segments] == [None, "clinic@2"]
    for form in ("md", "txt", "vtt"):
        text = api.http.get(f"/v1/meetings/{meeting_id}/export", params={"format": form}).text
        assert "Transcript: tiny.en, tiny.en with clinic@2." in text
    assert api.http.get("/v1/meetings").json()["meetings"][0]["made_by"] is None
