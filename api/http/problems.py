"""Answers every error of the API with RFC 9457 problem details."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from schema.core.errors import InvalidInput, MinutebookError
from schema.core.lines import shortened, shown

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:minutebook:problem:"
CLIENT_LEFT = 499
"""The status of an answer that nobody receives, as in nginx. It is only counted."""
FAULTS_LIMIT = 20
"""A request may have more faults than anybody reads."""

REMEDIES = {
    404: ("no-route", "There is no route {method} {path}; /docs lists all routes"),
    405: ("method-not-allowed", "{path} does not accept {method}; the header Allow lists the methods that it accepts"),
}


def problem_of(error: MinutebookError) -> dict[str, Any]:
    """The members of a problem document. Each of the error's facts becomes a member of its own."""
    return {
        **error.facts,
        "type": f"{PREFIX}{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": shown(error.detail),
        "retryable": error.retryable,
    }


def problem_response(problem: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    headers = dict(headers or {})
    if "retry_after_ms" in problem:
        headers["Retry-After"] = str(max(1, -(-int(problem["retry_after_ms"]) // 1000)))
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(problem, problem["status"], headers, media_type=MEDIA_TYPE)


def internal_problem(error: BaseException, where: str) -> dict[str, Any]:
    """Log *error* under a new id. The client receives only the id."""
    error_id = secrets.token_hex(6)
    log.error("error %s at %s", error_id, shown(where), exc_info=error)
    detail = f"the server failed, the request is not at fault; the server's log has the cause under {error_id}"
    return problem_of(MinutebookError(detail, error_id=error_id))


def install(app: FastAPI) -> None:
    """Answer every error of *app* with a problem document."""
    app.add_exception_handler(MinutebookError, _handle_known)
    app.add_exception_handler(RequestValidationError, _handle_invalid)
    app.add_exception_handler(HTTPException, _handle_http)
    app.add_exception_handler(ClientDisconnect, _handle_left)
    app.add_exception_handler(Exception, _handle_unexpected)


def responses(*errors: type[MinutebookError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route that may raise *errors*."""
    by_status: dict[int, list[type[MinutebookError]]] = {}
    # Every route has parameters, and wrong parameters are answered with a problem document too.
    documented: tuple[type[MinutebookError], ...] = (*errors, InvalidInput)
    for error in documented:
        by_status.setdefault(error.status, []).append(error)
    return {status: _openapi_response(group) for status, group in by_status.items()}


def _openapi_response(group: Sequence[type[MinutebookError]]) -> dict[str, Any]:
    examples = {error.slug: {"value": problem_of(error("What is wrong, and what to do"))} for error in group}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
    return {"description": "; ".join(error.title for error in group), "content": content}


async def _handle_known(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MinutebookError)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s", error.detail, exc_info=error)
    return problem_response(problem_of(error))


async def _handle_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem_response(invalid_problem(error))


def invalid_problem(error: RequestValidationError) -> dict[str, Any]:
    """The problem document for a request whose members are not valid."""
    found = error.errors()
    faults = [_fault(fault) for fault in found[:FAULTS_LIMIT]]
    detail = "; ".join(f"{fault['field']} = {fault['value']}: {fault['remedy']}" for fault in faults)
    if len(found) > FAULTS_LIMIT:
        detail += f"; and {len(found) - FAULTS_LIMIT} more"
    problem = {"type": f"{PREFIX}invalid-input", "title": "The request is not valid", "status": 422, "detail": detail}
    return {**problem, "retryable": False, "errors": faults}


def _fault(fault: dict[str, Any]) -> dict[str, str]:
    where = [str(part) for part in fault["loc"] if part != "body"]
    value = fault.get("input")
    given = "not given" if fault["type"] == "missing" else repr(value)
    if fault["type"] == "json_invalid":
        remedy = f"Send JSON ({fault['ctx']['error']} at character {where[-1]})"
        return {"field": "body", "value": "not JSON", "remedy": remedy}
    if fault["type"] == "extra_forbidden":
        remedy = "There is no such field; leave it out"
        return {"field": shortened(".".join(where)), "value": shortened(given), "remedy": remedy}
    # A body that is not declared as JSON is not parsed, whatever it contains.
    remedy = "Send JSON, with the header 'Content-Type: application/json'" if isinstance(value, bytes) else fault["msg"]
    return {"field": shortened(".".join(where)) or "body", "value": shortened(given), "remedy": remedy}


async def _handle_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    if status == HTTPStatus.NO_CONTENT:
        return Response(status_code=status)
    slug, remedy = REMEDIES.get(status, ("bad-request" if status < 500 else "internal", "{detail}"))
    detail = remedy.format(method=request.method, path=shortened(shown(request.url.path)), detail=error.detail)
    title = HTTPStatus(status).phrase
    problem = {"type": f"{PREFIX}{slug}", "title": title, "status": status, "detail": detail, "retryable": False}
    return problem_response(problem, dict(error.headers or {}))


async def _handle_left(_request: Request, _error: Exception) -> Response:
    """The client left before it had sent all of the body, which is no fault of the server."""
    return Response(status_code=CLIENT_LEFT)


async def _handle_unexpected(request: Request, error: Exception) -> JSONResponse:
    return problem_response(internal_problem(error, f"{request.method} {request.url.path}"))
