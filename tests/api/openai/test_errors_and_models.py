"""Errors, models and keys as OpenAI's client sees them, without workers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from pydantic import ValidationError
from sqlalchemy import select

from api.auth import key_cache
from api.auth.keys import NewKey, create_key, revoke_key
from api.http.examples import EXPORT
from api.openai import transcriptions
from api.openai.formats import GrowingText, with_language
from api.openai.models import adapter_of_model
from api.openai.request import spoken_language, vocabulary_of
from schema.core.settings import Settings
from schema.core.states import AdapterState, Scope
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.adapters import version
from tests.api.conftest import Api
from tests.api.openai.conftest import wav
from tests.waiting import wait_until

Clients = Callable[..., openai.OpenAI]
SOUND = wav(bytes(32_000))


def test_the_models_are_the_base_model_its_active_adapters_and_openais_names(
    api: Api, client_alone: openai.OpenAI
) -> None:
    with api.database.write() as session:
        session.add(version("clinic"))
        session.add(version("later", state=AdapterState.DRAFT))
    names = [model.id for model in client_alone.models.list()]
    assert names[:2] == ["package:tiny.en", "clinic"]
    assert {"whisper-1", "gpt-4o-transcribe", "whisper-large-v3"} < set(names)
    assert not [name for name in names if "*" in name]
    assert client_alone.models.retrieve("clinic").owned_by == "minutebook"


def test_an_unknown_model_is_a_404_that_lists_the_models(client_alone: openai.OpenAI) -> None:
    for ask in (
        lambda: client_alone.models.retrieve("gpt-9"),
        lambda: client_alone.audio.transcriptions.create(model="gpt-9", file=SOUND),
    ):
        with pytest.raises(openai.NotFoundError) as missing:
            ask()
        assert missing.value.code == "model_not_found"
        assert missing.value.param == "model"
        assert "package:tiny.en" in missing.value.message
        assert "gpt-4o-transcribe" in missing.value.message


@pytest.mark.parametrize(
    "name",
    [
        "whisper",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
        "gpt-realtime",
        "whisper-large-v3-turbo",
        "Systran/faster-whisper-small",
        "Systran/faster-distil-whisper-large-v3",
        "distil-whisper/distil-large-v3",
        "openai/whisper-small",
        "deepdml/faster-whisper-large-v3-turbo-ct2",
        "mlx-community/whisper-large-v3-mlx",
        "base",
        "large-v3-turbo",
        "distil-large-v3",
    ],
)
def test_names_that_clients_know_are_taken_for_the_served_model(client_alone: openai.OpenAI, name: str) -> None:
    assert client_alone.models.retrieve(name).id == name


def test_what_is_not_served_here_is_refused_in_words_that_the_client_shows(client_alone: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no route POST /v1/chat/completions"):
        client_alone.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hello"}])
    with pytest.raises(openai.BadRequestError, match="the file is empty") as empty:
        client_alone.audio.transcriptions.create(model="whisper-1", file=("a.wav", b""))
    assert empty.value.param == "file"


def test_an_adapter_goes_before_another_name_of_the_served_model(api: Api, client_alone: openai.OpenAI) -> None:
    with api.database.write() as session:
        session.add(version("whisper-clinic"))
    assert client_alone.models.retrieve("whisper-clinic").created > 0
    with api.database.read() as session:
        assert adapter_of_model(session, "whisper-clinic", api.config) == "whisper-clinic"
        assert adapter_of_model(session, "whisper-other", api.config) is None


def test_the_setting_says_which_names_are_taken(start: Callable[..., Api], client_at: Clients) -> None:
    client = client_at(start(openai_aliases="house, team-*").url)
    assert [model.id for model in client.models.list()] == ["package:tiny.en", "house"]
    assert client.models.retrieve("team-a").id == "team-a"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("whisper-1")


@pytest.mark.parametrize("names", ["two words", "x" * 101, ",".join(["a"] * 101), "a?b"])
def test_an_unusable_list_of_names_is_refused(names: str) -> None:
    with pytest.raises(ValidationError, match="separated by commas"):
        Settings(openai_aliases=names)


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("response_format", "diarized_json"),
        ("language", "klingon"),
        ("language", "de"),
        ("temperature", 3),
        ("timestamp_granularities", ["letter"]),
        ("known_speaker_names", ["Priya"]),
        ("known_speaker_references", ["data:audio/wav;base64,AAAA"]),
        ("chunking_strategy", {"type": "every ten seconds"}),
        ("prompt", "a\0b"),
    ],
)
def test_an_unsupported_parameter_is_a_400_that_names_it_and_creates_no_upload(
    api: Api, client_alone: openai.OpenAI, param: str, value: object
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client_alone.audio.transcriptions.create(model="whisper-1", file=SOUND, **{param: value})  # type: ignore[call-overload]
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    with api.database.read() as session:
        assert session.query(Upload).count() == 0


def test_a_form_without_a_file_is_refused(api: Api) -> None:
    answer = api.http.post("/v1/audio/transcriptions", files={"model": (None, "whisper-1")})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "file"
    assert answer.headers["X-Should-Retry"] == "false"


def test_an_empty_file_is_refused(client_alone: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client_alone.audio.transcriptions.create(model="whisper-1", file=("empty.wav", b""))


def test_translation_is_refused_by_an_english_model(client_alone: openai.OpenAI) -> None:
    deprecated = pytest.warns(DeprecationWarning, match="deprecated")  # by OpenAI's client; others still ask for it
    with deprecated, pytest.raises(openai.BadRequestError, match="knows English only"):
        client_alone.audio.translations.create(model="whisper-1", file=SOUND)


@pytest.mark.parametrize("model", ["openai/whisper-large-v3-turbo", "distil-whisper/distil-large-v3"])
def test_translation_is_refused_by_a_model_that_was_not_trained_for_it(start: Callable[..., Api], model: str) -> None:
    answer = start(asr_model=model).http.post("/v1/audio/translations", files={"file": SOUND})
    assert answer.status_code == 400
    assert "not trained to translate" in answer.json()["error"]["message"]


def test_a_multilingual_model_is_asked_to_translate(start: Callable[..., Api]) -> None:
    api = start(asr_model="openai/whisper-small", openai_wait_s=1.0, openai_keep=True)
    files: dict[str, tuple[str | None, str | bytes]] = {"file": SOUND, "language": (None, "de")}
    assert api.http.post("/v1/audio/translations", files=files).status_code == 504  # there is no worker
    with api.database.read() as session:
        (meeting,) = session.query(Meeting)
    assert (meeting.language, meeting.translate) == ("de", True)


def test_only_minutebook_keys_are_accepted_and_their_scopes_hold(start: Callable[..., Api], client_at: Clients) -> None:
    api = start(auth="on")
    with pytest.raises(openai.AuthenticationError) as refused:
        client_at(api.url, "sk-none").models.list()
    assert refused.value.code == "invalid_api_key"
    reader = create_key(api.database, "reader", [Scope.READ]).key
    assert next(iter(client_at(api.url, reader).models.list())).id == "package:tiny.en"
    with pytest.raises(openai.PermissionDeniedError):
        client_at(api.url, reader).audio.transcriptions.create(model="whisper-1", file=SOUND)


def test_the_rate_limit_answers_as_openai_does(start: Callable[..., Api], client_at: Clients) -> None:
    api = start(auth="on")
    key = create_key(api.database, "busy", [Scope.READ], requests_per_minute=1).key
    client = client_at(api.url, key)
    client.models.list()
    with pytest.raises(openai.RateLimitError) as refused:
        client.models.list()
    assert refused.value.code == "rate_limit_exceeded"
    assert int(refused.value.response.headers["Retry-After"]) >= 1
    assert refused.value.response.headers["X-Should-Retry"] == "true"


def test_a_file_above_the_limit_is_refused(start: Callable[..., Api], client_at: Clients) -> None:
    api = start(upload_limit_bytes=1000)
    with pytest.raises(openai.APIStatusError) as refused:
        client_at(api.url).audio.transcriptions.create(model="whisper-1", file=("long.wav", bytes(3 << 20)))
    assert refused.value.status_code == 413
    assert refused.value.code == "too_large"


@pytest.fixture
def revocable(start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> tuple[Api, NewKey]:
    """An API without workers, so only a revoked key can end a transcription. It notices that at once."""
    monkeypatch.setattr(key_cache, "CACHE_S", 0.1)
    monkeypatch.setattr(key_cache, "RECHECK_S", 0.05)
    api = start(auth="on")
    return api, create_key(api.database, "test", [Scope.READ, Scope.WRITE])


def transcription(key: NewKey, stream: str) -> dict[str, Any]:
    """The arguments of a request."""
    form = {"files": {"file": SOUND}, "data": {"model": "whisper-1", "stream": stream}}
    return {"headers": {"Authorization": f"Bearer {key.key}"}, "timeout": 60, **form}


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_transcription_is_a_401_when_its_key_is_revoked(revocable: tuple[Api, NewKey], stream: str) -> None:
    api, key = revocable
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(api.http.post, "/v1/audio/transcriptions", **transcription(key, stream))
        wait_until("the recording is stored", lambda: states(api), lambda found: found == ["queued"])
        revoke_key(api.database, key.id)
        answer = asking.result()
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert states(api) == ["cancelled"]


def test_a_stream_that_has_begun_ends_with_an_error_when_its_key_is_revoked(
    revocable: tuple[Api, NewKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcriptions, "PING_S", 0.05)
    api, key = revocable
    with api.http.stream("POST", "/v1/audio/transcriptions", **transcription(key, "true")) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(":")
        revoke_key(api.database, key.id)
        *_, last = filter(None, lines)
    assert "invalid_api_key" in last
    assert states(api) == ["cancelled"]


def states(api: Api) -> list[str]:
    with api.database.read() as session:
        return list(session.scalars(select(Upload.state)))


def test_only_openai_paths_answer_errors_in_openais_format(api: Api) -> None:
    assert api.http.get("/v1/meetings/none").json()["type"] == "urn:minutebook:problem:not-found"
    assert "error" in api.http.get("/v1/audio/nowhere").json()
    assert "error" in api.http.put("/v1/audio/transcriptions").json()


def test_a_request_that_takes_too_long_is_a_504_and_its_file_is_deleted(
    start: Callable[..., Api], client_at: Clients
) -> None:
    api = start(openai_wait_s=1.0)  # there is no worker to decode it
    with pytest.raises(openai.InternalServerError) as late:
        client_at(api.url).audio.transcriptions.create(model="whisper-1", file=SOUND)
    assert late.value.status_code == 504
    assert "/v1/uploads" in late.value.message
    assert list((api.config.data_dir / "files").iterdir()) == []


def test_a_stream_that_takes_too_long_ends_with_an_error(start: Callable[..., Api], client_at: Clients) -> None:
    api = start(openai_wait_s=1.0)
    with pytest.raises(openai.APIError, match="/v1/uploads"):
        list(client_at(api.url).audio.transcriptions.create(model="whisper-1", file=SOUND, stream=True))


def test_with_openai_keep_an_upload_outlives_its_request(start: Callable[..., Api]) -> None:
    api = start(openai_wait_s=1.0, openai_keep=True)
    answer = httpx.post(f"{api.url}/v1/audio/transcriptions", files={"file": SOUND}, trust_env=False, timeout=60)
    assert answer.status_code == 504
    (upload,) = api.http.get("/v1/uploads").json()["uploads"]
    assert upload["state"] == "queued"


@pytest.mark.parametrize(
    ("code", "language"), [("", "auto"), ("auto", "auto"), ("de", "de"), ("en-US", "en"), ("pt_BR", "pt")]
)
def test_a_language_may_be_empty_or_have_a_region(code: str, language: str) -> None:
    assert spoken_language(code, "openai/whisper-small") == language


def test_diarized_json_is_refused_without_voice_models_with_the_way_to_separate_speakers(
    client_alone: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError, match=r"MINUTEBOOK_SPEAKERS.*channels=speakers") as refused:
        client_alone.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize", file=SOUND, response_format="diarized_json"
        )
    assert refused.value.param == "response_format"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"model": "whisper-1"}',
        b'{"input_audio": {"data": "not base64!"}}',
        b'{"input_audio": {"data": 7}}',
        b'{"input_audio": {"data": ""}}',
        b'{"input_audio": {"data": "AAAA"}, "prompt": "' + b"a" * 20_000 + b'"}',
        b"[" * 100_000,
    ],
)
def test_a_json_body_without_a_recording_is_a_400(api: Api, body: bytes) -> None:
    answer = api.http.post(
        "/v1/audio/transcriptions", content=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"x": [' + b"[]," * 50_000 + b"0]}", "150006 quotes"),
        (b'{"x": [' + b"0," * 1000 + b"0]}", "more than 1000 values"),
        (b'{"x": ' + b"[" * 33, "more than 32 levels"),
        (b'{"x": ' + b"9" * 401 + b"}", "more than 400 digits"),
    ],
)
def test_a_json_body_of_a_hostile_shape_is_not_parsed(api: Api, body: bytes, message: str) -> None:
    answer = api.http.post(
        "/v1/audio/transcriptions", content=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_json_body_above_its_limit_is_a_413_that_names_the_form(api: Api) -> None:
    answer = api.http.post(
        "/v1/audio/transcriptions", content=bytes(17 << 20), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert "multipart/form-data" in answer.json()["error"]["message"]


def test_answered_requests_leave_the_list_of_uploads(start: Callable[..., Api]) -> None:
    api = start(openai_wait_s=1.0)
    for _ in range(2):
        httpx.post(f"{api.url}/v1/audio/transcriptions", files={"file": SOUND}, trust_env=False, timeout=60)
    assert api.http.get("/v1/uploads").json()["uploads"] == []


def test_a_prompt_is_split_into_vocabulary_terms() -> None:
    assert vocabulary_of("Priya, Tom; ZyntriQix.") == ("Priya", "Tom", "ZyntriQix")
    long = vocabulary_of("word " * 40)
    assert max(len(term) for term in long) <= 60
    assert " ".join(long) == ("word " * 40).strip()
    assert vocabulary_of("", ["one"] * 150) == ("one",) * 100


def test_deltas_of_growing_segments_join_to_the_whole_text() -> None:
    growth = GrowingText()
    texts = [(1, "Good"), (1, "Good morning."), (2, "Are we"), (1, "Good morning."), (2, "Are we all here?")]
    deltas = [growth.take({"id": number, "text": text}) for number, text in texts]
    assert deltas == ["Good", " morning.", " Are we", "", " all here?"]
    assert growth.text == "".join(deltas)


@pytest.mark.parametrize(
    ("known", "text", "named"),
    [
        ("auto", "Guten Morgen, wir beginnen heute mit dem Bericht der Werkstatt.", "de"),
        ("auto", "Nous commençons aujourd'hui par le rapport de l'atelier.", "fr"),
        ("auto", "Guten Morgen!", "auto"),
        ("en", "Guten Morgen, wir beginnen heute mit dem Bericht der Werkstatt.", "en"),
    ],
)
def test_a_transcript_whose_language_nobody_named_has_that_of_its_text(known: str, text: str, named: str) -> None:
    meeting = EXPORT.meeting.model_copy(update={"language": known})
    segments = [EXPORT.segments[0].model_copy(update={"text": text})]
    export = with_language(EXPORT.model_copy(update={"meeting": meeting, "segments": segments}))
    assert export.meeting.language == named
