"""`minutebook webhooks`: manages the URLs that receive events, and their deliveries."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, Url, call_api, counted, print_json
from api.client.http import (
    Http,
    add_webhook,
    list_deliveries,
    list_webhooks,
    remove_webhook,
    replay_delivery,
)
from schema.core.command_line import id_column
from schema.core.errors import InvalidInput
from schema.core.states import DeliveryState, WebhookEvent

app = typer.Typer(no_args_is_help=True, help="Manage URLs that receive events about this key's meetings.")
WebhookId = Annotated[
    str, typer.Argument(metavar="ID", help="The webhook's id, as shown by 'minutebook webhooks list'.")
]
REPLAYS_LIMIT = 1000
"""The most that one command replays. Run it again for the rest."""


@app.command("list")
def list_all(as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """List webhooks, oldest first."""
    found = call_api(url, key, list_webhooks)
    if as_json:
        print_json(found)
        return
    table = Table(id_column("id", [each.id for each in found]), "added", "events", "url", box=None)
    for each in found:
        table.add_row(each.id, f"{each.created_at:%Y-%m-%d %H:%M}", ", ".join(each.events), Text(each.url))
    Console().print(table if found else "no webhooks yet; add one with 'minutebook webhooks add URL'")


@app.command()
def add(
    to: Annotated[
        str, typer.Argument(metavar="URL", help="The URL that receives the messages, such as https://host/path.")
    ],
    event: Annotated[
        list[WebhookEvent] | None, typer.Option(help="Send only this event; repeat for several.", show_default=False)
    ] = None,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Add a webhook, and print its id and its secret.

    The secret checks signatures. Copy it now: it cannot be shown again.
    """
    added = call_api(url, key, lambda http: add_webhook(http, to, event or ()))
    typer.echo(f"{added.id} {added.secret}")


@app.command()
def remove(webhook_id: WebhookId, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Remove a webhook and its deliveries."""
    call_api(url, key, lambda http: remove_webhook(http, webhook_id))


@app.command()
def deliveries(
    webhook_id: WebhookId,
    state: Annotated[
        DeliveryState | None, typer.Option(help="List only deliveries in this state.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="List at most this many.")] = 20,
    as_json: AsJson = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """List the messages that were sent to a webhook or are waiting, newest first.

    Ended deliveries are kept for 30 days.
    """
    found = call_api(url, key, lambda http: list_deliveries(http, webhook_id, state, limit)).deliveries
    if as_json:
        print_json(found)
        return
    meetings = id_column("meeting", [str(each.data.get("meeting_id", "")) for each in found])
    numbers = id_column("id", [str(each.id) for each in found])
    table = Table(numbers, "when", "event", meetings, "state", "attempts", "last answer", box=None)
    for each in found:
        when, meeting = f"{each.created_at:%Y-%m-%d %H:%M}", str(each.data.get("meeting_id", ""))
        answer = each.error or str(each.http_status or "")
        table.add_row(str(each.id), when, each.event, meeting, each.state, str(each.attempts), Text(answer))
    Console().print(table if found else "no deliveries yet")


@app.command()
def replay(
    webhook_id: WebhookId,
    delivery_id: Annotated[
        int | None,
        typer.Argument(
            metavar="DELIVERY",
            help="The delivery's id, as shown by 'minutebook webhooks deliveries'.",
            show_default=False,
        ),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Replay all deliveries that were given up.")] = False,
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Send a message again, with as many attempts as a new one."""
    if dead == (delivery_id is not None):
        raise InvalidInput("give either the id of a delivery or --dead")
    count = call_api(url, key, lambda http: _replay(http, webhook_id, delivery_id))
    typer.echo(f"{counted(count, 'delivery', 'deliveries')} will be sent again")


async def _replay(http: Http, webhook_id: str, delivery_id: int | None) -> int:
    """Replay one delivery, or all dead ones. A replayed one is no longer dead, so the next page is the first again."""
    if delivery_id is not None:
        await replay_delivery(http, webhook_id, delivery_id)
        return 1
    count = 0
    while count < REPLAYS_LIMIT:
        page = await list_deliveries(http, webhook_id, DeliveryState.DEAD)
        for each in page.deliveries:
            await replay_delivery(http, webhook_id, each.id)
        count += len(page.deliveries)
        if page.next_cursor is None:
            break
    return count
