"""The client's HTTP requests for meetings, their results and webhooks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from schema.core import errors
from schema.core.errors import InvalidInput, MinutebookError, Unavailable
from schema.core.states import DeliveryState, WebhookEvent
from schema.meetings.wire import MeetingOut, MinutesOut, NewMeeting, SearchPage, TrackCoverage
from schema.templates.wire import TemplateList, TemplateOut
from schema.webhooks.wire import CreatedWebhook, DeliveryOut, DeliveryPage, WebhookList, WebhookOut

PREFIX = "urn:minutebook:problem:"


def _error_types(cls: type[MinutebookError]) -> dict[str, type[MinutebookError]]:
    found = {cls.slug: cls}
    for child in cls.__subclasses__():
        found |= _error_types(child)
    return found


def error_of(problem: dict[str, Any]) -> MinutebookError:
    """The error that a problem document of RFC 9457 describes. An unknown type keeps its text."""
    slug = str(problem.get("type", "")).removeprefix(PREFIX)
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {problem}")
    facts = {key: value for key, value in problem.items() if key not in {"type", "title", "status", "detail"}}
    return _error_types(errors.MinutebookError).get(slug, MinutebookError)(detail, **facts)


def error_of_text(status: int, text: str, url: str) -> MinutebookError:
    """The error for an answer that is not a problem document, such as a page of a proxy."""
    shown = " ".join(text.split())[:200] or "an empty body"
    return Unavailable(f"{url} answered {status} with {shown!r}; check that MINUTEBOOK_URL is a Minutebook API")


DEFAULT_URL = "http://127.0.0.1:8765"


class Http:
    """Calls the API at *url*. Every failure is a MinutebookError that names the value and the remedy."""

    def __init__(self, url: str = DEFAULT_URL, key: str | None = None, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise InvalidInput(f"{url!r} is not the URL of an API; write http://host:port")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Loading the certificates takes longer than a request. Plain HTTP needs none, and no redirect is followed.
        verify = self.url.startswith("https://")
        try:
            self._client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout_s, verify=verify)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise InvalidInput(f"{url!r} or the key cannot be used ({error}); check both") from error

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def create(self, meeting: NewMeeting) -> MeetingOut:
        answer = await self.call("POST", "/v1/meetings", json=meeting.model_dump(mode="json"))
        return MeetingOut.model_validate_json(answer.content)

    async def meeting(self, meeting_id: str) -> MeetingOut:
        return MeetingOut.model_validate_json((await self.call("GET", f"/v1/meetings/{meeting_id}")).content)

    async def change(self, meeting_id: str, changes: dict[str, Any]) -> MeetingOut:
        """Change what was said about a meeting beforehand."""
        answer = await self.call("PATCH", f"/v1/meetings/{meeting_id}", json=changes)
        return MeetingOut.model_validate_json(answer.content)

    async def templates(self) -> list[TemplateOut]:
        return TemplateList.model_validate_json((await self.call("GET", "/v1/templates")).content).templates

    async def meetings(self, limit: int = 50, *, versions: bool = False, **filters: Any) -> list[MeetingOut]:
        """The newest *limit* meetings; with *versions*, every version of each. *filters* are those of the route."""
        query = {"limit": limit, "versions": versions} | {name: value for name, value in filters.items() if value}
        answer = _object((await self.call("GET", "/v1/meetings", params=query)).json())
        return [MeetingOut.model_validate(each) for each in answer["meetings"]]

    async def minutes(self, meeting_id: str, kind: str | None = None) -> MinutesOut:
        query = {"kind": kind} if kind else {}
        answer = await self.call("GET", f"/v1/meetings/{meeting_id}/minutes", params=query)
        return MinutesOut.model_validate_json(answer.content)

    async def coverage(self, meeting_id: str) -> list[TrackCoverage]:
        answer = _object((await self.call("GET", f"/v1/meetings/{meeting_id}/coverage")).json())
        return [TrackCoverage.model_validate(track) for track in answer["tracks"]]

    async def export(self, meeting_id: str, form: str, minutes: int | None = None) -> bytes:
        """The meeting as a file, with the final minutes of version *minutes*, by default the latest. Text is UTF-8."""
        query = {"format": form} if minutes is None else {"format": form, "minutes": minutes}
        return (await self.call("GET", f"/v1/meetings/{meeting_id}/export", params=query)).content

    async def search(self, words: str, limit: int = 20) -> SearchPage:
        answer = await self.call("GET", "/v1/search", params={"q": words, "limit": limit})
        return SearchPage.model_validate_json(answer.content)

    async def finish(self, meeting_id: str) -> None:
        await self.call("POST", f"/v1/meetings/{meeting_id}/finish")

    async def delete(self, meeting_id: str) -> None:
        await self.call("DELETE", f"/v1/meetings/{meeting_id}")

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request. *options* are those of httpx."""
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error
        if answer.is_error:
            raise _error_from(answer)
        return answer

    async def lines(self, path: str, params: dict[str, Any]) -> AsyncGenerator[str]:
        """The lines of an answer, as they arrive."""
        try:
            async with self._client.stream("GET", path, params=params) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _error_from(answer)
                async for line in answer.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error


def unreachable(url: str, error: Exception) -> Unavailable:
    reason = str(error) or type(error).__name__
    return Unavailable(f"{url} cannot be reached ({reason}); start it with 'minutebook up' or set MINUTEBOOK_URL")


def _error_from(answer: httpx.Response) -> MinutebookError:
    try:
        return error_of(_object(answer.json()))
    except ValueError:
        return error_of_text(answer.status_code, answer.text, str(answer.url))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")
    return value


WEBHOOKS = "/v1/webhooks"


async def add_webhook(http: Http, url: str, events: Sequence[WebhookEvent] = ()) -> CreatedWebhook:
    """Add a webhook for *events*, by default for all events."""
    body: dict[str, Any] = {"events": [event.value for event in events]} if events else {}
    answer = await http.call("POST", WEBHOOKS, json={"url": url, **body})
    return CreatedWebhook.model_validate_json(answer.content)


async def list_webhooks(http: Http) -> list[WebhookOut]:
    return WebhookList.model_validate_json((await http.call("GET", WEBHOOKS)).content).webhooks


async def remove_webhook(http: Http, webhook_id: str) -> None:
    await http.call("DELETE", f"{WEBHOOKS}/{webhook_id}")


async def list_deliveries(
    http: Http, webhook_id: str, state: DeliveryState | None = None, limit: int = 50, cursor: int | None = None
) -> DeliveryPage:
    """A page of deliveries, newest first."""
    query = {"state": state and state.value, "limit": limit, "cursor": cursor}
    params = {name: value for name, value in query.items() if value is not None}
    answer = await http.call("GET", f"{WEBHOOKS}/{webhook_id}/deliveries", params=params)
    return DeliveryPage.model_validate_json(answer.content)


async def replay_delivery(http: Http, webhook_id: str, delivery_id: int) -> DeliveryOut:
    answer = await http.call("POST", f"{WEBHOOKS}/{webhook_id}/deliveries/{delivery_id}/replay")
    return DeliveryOut.model_validate_json(answer.content)
