"""`/v1/adapters`, and the adapters that a meeting names as makers of its text."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from sqlalchemy import update

from api.auth.keys import create_key
from schema.adapters.lifecycle import Grounds, promote
from schema.adapters.registry import find_version
from schema.adapters.wire import AdapterLabel
from schema.core.states import AdapterState, AdapterTask, Scope
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
    for change in ("rollback", "versions/1/retire"):
        assert api.http.post(f"/v1/adapters/asr/a%00b/{change}", json={}).status_code == 404


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


def test_a_version_is_promoted_rolled_back_and_retired_with_reasons(api: Api) -> None:
    with api.database.write() as session:
        session.add_all([version("clinic", 1), version("clinic", 2, AdapterState.DRAFT)])
    root = "/v1/adapters/asr/clinic"
    promotion = {"reason": "compared by hand", "replaces": "clinic@1"}
    promoted = api.http.post(f"{root}/versions/2/promote", json=promotion)
    assert _states(promoted) == {"clinic@2": "active", "clinic@1": "retired"}
    [decision] = promoted.json()["decisions"]
    assert (decision["forced"], decision["reason"], decision["replaced"]) == (True, "compared by hand", "clinic@1")
    again = api.http.post(f"{root}/versions/1/promote", json=promotion)
    assert (again.status_code, "is now clinic@2" in again.json()["detail"]) == (409, True)
    assert _states(api.http.post(f"{root}/rollback", json={})) == {"clinic@2": "retired", "clinic@1": "active"}
    for _ in range(2):
        retired = api.http.post(f"{root}/versions/1/retire", json={"reason": "too old"})
        assert _states(retired) == {"clinic@2": "retired", "clinic@1": "retired"}
        assert [each["move"] for each in retired.json()["decisions"]] == ["retire", "rollback", "promote"]
    assert api.http.post(f"{root}/rollback", json={}).status_code == 409


def test_a_promotion_needs_a_reason_and_a_version_that_exists(api: Api) -> None:
    with api.database.write() as session:
        session.add(version("clinic", 1, AdapterState.DRAFT))
    root = "/v1/adapters/asr/clinic/versions"
    assert api.http.post(f"{root}/1/promote", json={}).status_code == 422
    assert api.http.post(f"{root}/1/promote", json={"reason": ""}).status_code == 422
    assert api.http.post(f"{root}/9/promote", json={"reason": "new"}).status_code == 404
    assert api.http.post(f"{root}/1/promote", json={"reason": "new", "replaces": "clinic@7"}).status_code == 404


def test_only_admins_change_what_an_adapter_does(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    with api.database.write() as session:
        session.add(version("clinic", 1))
    key = create_key(api.database, "ann", [Scope.READ, Scope.WRITE]).key
    for path in ("rollback", "versions/1/retire"):
        refused = api.http.post(f"/v1/adapters/asr/clinic/{path}", json={}, headers={"Authorization": f"Bearer {key}"})
        assert (refused.status_code, refused.json()["scope"]) == (403, "admin")


def _states(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {each["label"]: each["state"] for each in answer.json()["versions"]}
