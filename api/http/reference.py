"""The reference at `/docs`: Swagger UI from an installed package, so that it works offline and loads nothing else."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

router = APIRouter(prefix="/docs", include_in_schema=False)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}
# All addresses are relative, so that the page works behind a proxy that serves the API below a path.
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Minutebook: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript. Programs read <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  showCommonExtensions: true,
  validatorUrl: null,
});
"""


@router.get("")
def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers=HEADERS)


@router.get("/start.js")
def start() -> Response:
    return Response(START, media_type="text/javascript", headers=HEADERS)


@router.get("/swagger-ui-bundle.js")
def program() -> FileResponse:
    return _packaged("swagger-ui-bundle.js")


@router.get("/swagger-ui.css")
def style() -> FileResponse:
    return _packaged("swagger-ui.css")


@router.get("/favicon-32x32.png")
def icon() -> FileResponse:
    return _packaged("favicon-32x32.png")


def _packaged(name: str) -> FileResponse:
    return FileResponse(Path(str(files("fastapi_swagger.resources") / name)), headers=HEADERS)
