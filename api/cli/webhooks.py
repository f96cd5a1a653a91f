"""`minutebook webhooks`: who is told of what becomes of meetings, and what was sent."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from api.cli.meetings import ask
from api.cli.options import AsJson, Key, Url
from api.client import DEFAULT_URL
from api.client import webhooks as client
from api.client.http import Http
from schema.core.errors import InvalidInput
from schema.webhooks.outbox import DeliveryState, WebhookEvent

app = typer.Typer(no_args_is_help=True, help="URLs that are told of what becomes of this key's meetings.")
WebhookId = Annotated[str, typer.Argument(metavar="ID", help="As 'webhooks list' shows it.")]
REPLAYS_LIMIT = 1000
"""Of one command; another goes on."""


@app.command("list")
def list_all(as_json: AsJson = False, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """Webhooks, the oldest first."""
    found = ask(url, key, client.list_webhooks)
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    table = Table(Column("id", no_wrap=True), "added", "events", "url", box=None)
    for each in found:
        table.add_row(each.id, f"{each.created_at:%Y-%m-%d %H:%M}", ", ".join(each.events), Text(each.url))
    Console().print(table if found else "no webhooks yet; 'minutebook webhooks add URL' makes one")


@app.command()
def add(
    to: Annotated[str, typer.Argument(metavar="URL", help="Where the messages are sent, such as https://host/path.")],
    event: Annotated[
        list[WebhookEvent] | None, typer.Option(help="Only this one; give it again for another.", show_default=False)
    ] = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Add a webhook and print its id and its secret, which checks the signatures: this once."""
    added = ask(url, key, lambda http: client.add_webhook(http, to, event or ()))
    typer.echo(f"{added.id} {added.secret}")


@app.command()
def remove(webhook_id: WebhookId, url: Url = DEFAULT_URL, key: Key = None) -> None:
    """Send nothing more there, and forget what was sent."""
    ask(url, key, lambda http: client.remove_webhook(http, webhook_id))


@app.command()
def deliveries(
    webhook_id: WebhookId,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """What was sent to a webhook or waits to be. Those that ended are kept for 30 days."""
    found = ask(url, key, lambda http: client.list_deliveries(http, webhook_id, state, limit)).deliveries
    if as_json:
        for each in found:
            typer.echo(each.model_dump_json())
        return
    table = Table("id", "when", "event", "meeting", "state", "attempts", "last answer", box=None)
    for each in found:
        when, meeting = f"{each.created_at:%Y-%m-%d %H:%M}", str(each.data.get("meeting_id", ""))
        answer = each.error or str(each.http_status or "")
        table.add_row(str(each.id), when, each.event, meeting, each.state, str(each.attempts), Text(answer))
    Console().print(table if found else "nothing was sent yet")


@app.command()
def replay(
    webhook_id: WebhookId,
    delivery_id: Annotated[
        int | None, typer.Argument(metavar="[DELIVERY]", help="As 'webhooks deliveries' shows it.", show_default=False)
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Send again, with as many attempts as a new message has."""
    if dead == (delivery_id is not None):
        raise InvalidInput("give either the id of a delivery or --dead")
    count = ask(url, key, lambda http: _replay(http, webhook_id, delivery_id))
    typer.echo(f"{count} to be sent again")


async def _replay(http: Http, webhook_id: str, delivery_id: int | None) -> int:
    """One delivery, or with None the dead ones. Those that are replayed are dead no more, so the first page moves."""
    if delivery_id is not None:
        await client.replay_delivery(http, webhook_id, delivery_id)
        return 1
    count = 0
    while count < REPLAYS_LIMIT:
        page = await client.list_deliveries(http, webhook_id, DeliveryState.DEAD)
        for each in page.deliveries:
            await client.replay_delivery(http, webhook_id, each.id)
        count += len(page.deliveries)
        if page.next_cursor is None:
            break
    return count
