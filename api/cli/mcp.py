"""The command `mcp`, which lets assistants reach meetings."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.options import RUNNING_STACK, Key, Url
from schema.core.errors import Unavailable

LOOPBACK = "127.0.0.1"


def serve_assistants(
    allow_corrections: Annotated[
        bool, typer.Option("--allow-corrections", help="Also offer tools that correct transcripts and minutes.")
    ] = False,
    http_port: Annotated[
        int | None,
        typer.Option(
            "--http-port",
            min=1,
            max=65535,
            help="Serve streamable HTTP at http://127.0.0.1:PORT/mcp, instead of stdio.",
        ),
    ] = None,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Serve the Model Context Protocol, by which assistants list, search, read and follow meetings.

    An assistant starts this command itself and talks to it over standard input and output.
    """
    try:
        from api.mcp.server import PATH, create_server
    except ModuleNotFoundError as error:
        raise Unavailable(f"the package {error.name} is not installed; run: pip install 'minutebook[mcp]'") from error

    server = create_server(url, key, corrects=allow_corrections)
    if http_port is None:
        server.run("stdio")
        return
    typer.echo(f"assistants find it at http://{LOOPBACK}:{http_port}{PATH}; Ctrl-C ends it")
    server.run("streamable-http", host=LOOPBACK, port=http_port, streamable_http_path=PATH)
