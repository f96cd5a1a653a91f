"""The OpenAPI document that the API serves."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter

from api import adapters, health, off_record, templates, typed_notes, webhooks
from api.corrections import segments as corrections
from api.corrections import sentences
from api.export import routes as export
from api.export.documents import Export, ExportFormat
from api.export.routes import WRITERS
from api.fleet import failures
from api.fleet import routes as fleet
from api.http.problems import MEDIA_TYPE
from api.kept_audio import routes as kept_audio
from api.live import http_audio as audio
from api.live import server_sent_events as events
from api.meetings import minutes, search, transcript, versions
from api.meetings import routes as meetings
from api.openai import models, transcriptions
from api.openai.errors import PATH as OPENAI_PATH
from api.openai.reference import OpenAiError
from api.openai.request import ResponseFormat
from api.shares import open_link
from api.shares import routes as shares
from api.speakers import routes as speakers
from api.uploads import routes as uploads
from api.uploads import tus
from api.web import sessions
from schema.core.wire import Problem, Readiness
from schema.meetings.wire import NewMeeting, SegmentOut
from schema.uploads.failures import UploadFailure
from tests.api.conftest import Api

PARTS = (
    meetings, transcript, minutes, export, corrections, sentences, typed_notes, off_record, versions, audio, events,
    search, speakers, adapters, templates, tus, uploads, webhooks, health, transcriptions, models, sessions,
    kept_audio, shares, open_link, fleet, failures,
)  # fmt: skip
ROUTES = [
    route for part in PARTS for route in part.router.routes if isinstance(route, APIRoute) and route.include_in_schema
]


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    answer = api.http.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [f"{list(error.path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_events_of_a_meeting_are_a_stream_of_text_with_an_example(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/meetings/{meeting_id}/events"]["get"]["responses"]["200"]
    stream = answer["content"]["text/event-stream"]
    assert stream["schema"] == {"type": "string"}
    lines = dict(line.split(": ", 1) for line in stream["example"].strip().splitlines())
    assert (lines["event"], lines["id"]) == ("segment", "1")
    assert SegmentOut.model_validate_json(lines["data"]).text == "We move the launch."


def test_a_generated_client_can_send_audio(document: dict[str, Any]) -> None:
    """Generators such as openapi-python-client know this type of bytes only, and leave out bodies of other types."""
    body = document["paths"]["/v1/meetings/{meeting_id}/audio"]["post"]["requestBody"]
    assert list(body["content"]) == ["application/octet-stream"]


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    assert {route.path_format for route in ROUTES} == set(document["paths"])


def test_every_schema_that_is_referenced_exists(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if "$ref" in node else set()
            return own.union(*(references(child) for child in node.values()))
        return set().union(*(references(child) for child in node)) if isinstance(node, list) else set()

    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert "Problem" in names
    assert names <= set(document["components"]["schemas"])


def test_every_error_is_a_problem_document_with_valid_examples(document: dict[str, Any]) -> None:
    seen = 0
    others = [ways for path, ways in document["paths"].items() if not OPENAI_PATH.fullmatch(path)]
    for operation in (operation for ways in others for operation in ways.values()):
        for status, answer in operation["responses"].items():
            if status == "503" and operation["operationId"] == "health_readyz":
                continue
            if int(status) >= 400:
                assert set(answer["content"]) == {MEDIA_TYPE}, operation["operationId"]
                for example in answer["content"][MEDIA_TYPE]["examples"].values():
                    assert Problem.model_validate(example["value"]).status == int(status)
                    seen += 1
    assert seen > 20


def test_examples_are_valid_for_the_response_models(document: dict[str, Any]) -> None:
    seen = 0
    for route in ROUTES:
        for method in route.methods or ():
            answers = document["paths"][route.path_format][method.lower()]["responses"]
            example = answers.get(str(route.status_code or 200), {}).get("content", {}).get("application/json", {})
            if "example" in example and route.response_model is not None:
                TypeAdapter(route.response_model).validate_python(example["example"])
                seen += 1
    assert seen >= 8


def test_every_response_with_a_schema_has_an_example(document: dict[str, Any]) -> None:
    bare = {
        f"{method} {path} {status}"
        for path, routes in document["paths"].items()
        for method, operation in routes.items()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        if content.get("schema") and not {"example", "examples"} & set(content)
    }
    assert bare == set()


def test_the_examples_of_readiness_are_valid(document: dict[str, Any]) -> None:
    answers = document["paths"]["/readyz"]["get"]["responses"]
    for status, ready in (("200", True), ("503", False)):
        example = answers[status]["content"]["application/json"]["example"]
        assert Readiness.model_validate(example).ready is ready


def test_the_examples_of_exports_are_what_the_writers_produce(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/meetings/{meeting_id}/export"]["get"]["responses"]["200"]["content"]
    export = Export.model_validate(content["application/json"]["example"])
    for form, (write, media_type) in WRITERS.items():
        if form not in (ExportFormat.JSON, ExportFormat.DOCX):
            assert content[media_type]["example"] == write(export)


def test_the_example_of_a_new_meeting_can_be_sent(api: Api, document: dict[str, Any]) -> None:
    example = document["components"]["schemas"]["NewMeeting"]["examples"][0]
    assert NewMeeting.model_validate(example).title == "Launch"
    assert api.http.post("/v1/meetings", json=example).status_code == 201


def test_the_live_socket_is_named_in_the_description(document: dict[str, Any]) -> None:
    assert "/v1/meetings/{meeting_id}/live" in document["info"]["description"]


def test_the_reference_page_loads_everything_from_this_server(api: Api) -> None:
    page = api.http.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(loaded) == 5
    for address in loaded:
        part = api.http.get(page.url.join(address))
        assert (part.status_code, part.url.host) == (200, page.url.host), address
        assert len(part.content) > 100
    assert "https://" not in page.text + api.http.get("/docs/start.js").text
    assert api.http.get("/docs/", follow_redirects=True).text == page.text
    assert api.http.get("/docs/other.js").status_code == 404


def test_the_reference_page_may_run_no_script_of_another_place_and_stands_in_no_frame(api: Api) -> None:
    page = api.http.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert re.findall(r"<script(?! src=)|<style| on\w+=", page.text) == []


def test_errors_of_openais_routes_have_openais_form(document: dict[str, Any], api: Api) -> None:
    for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        answers = document["paths"][path]["post"]["responses"]
        assert {status for status in answers if status != "200"} == {"4XX", "5XX"}
        OpenAiError.model_validate(answers["4XX"]["content"]["application/json"]["example"])
    OpenAiError.model_validate(api.http.get("/v1/models/none").json())


def test_the_transcription_routes_list_every_form_of_request_and_answer(document: dict[str, Any]) -> None:
    for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
        operation = document["paths"][path]["post"]
        bodies = operation["requestBody"]["content"]
        assert set(bodies) == {"multipart/form-data", "application/json"}
        assert set(bodies["multipart/form-data"]["schema"]["properties"]["response_format"]["enum"]) == set(
            ResponseFormat
        )
        assert [media_type.split(";")[0] for media_type in operation["responses"]["200"]["content"]] == [
            "application/json",
            "text/plain",
            "application/x-subrip",
            "text/vtt",
            "text/event-stream",
        ]


def test_the_upload_routes_list_the_answer_to_a_known_file_and_the_piece_of_a_file(document: dict[str, Any]) -> None:
    answers = document["paths"]["/v1/uploads"]["post"]["responses"]
    schemas = [answers[status]["content"]["application/json"]["schema"] for status in ("200", "201")]
    assert schemas == [{"$ref": "#/components/schemas/UploadOut"}] * 2
    append = document["paths"]["/v1/uploads/tus/{upload_id}"]["patch"]
    assert set(append["requestBody"]["content"]) == {"application/offset+octet-stream"}
    assert "460" in append["responses"]


def test_names_from_which_clients_are_generated_are_unique_and_readable(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", each) for each in ids)
    names = list(document["components"]["schemas"])
    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in names)


def test_the_reference_lists_every_reason_of_a_failed_upload(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["UploadFailure"]["enum"] == [failure.value for failure in UploadFailure]
    assert {"$ref": "#/components/schemas/UploadFailure"} in schemas["UploadOut"]["properties"]["reason"]["anyOf"]
