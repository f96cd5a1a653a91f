"""`minutebook workers`: what every worker does, draining and restarting a worker, pausing a queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.options import RUNNING_STACK, AsJson, Key, Url, call_api, print_json
from api.client.fleet import ask_queue, ask_worker, read_fleet
from schema.core.command_line import id_column
from schema.core.lines import shown
from schema.core.wire import QueueStatus
from schema.fleet.wire import MeetingDelay, WorkerOut

app = typer.Typer(no_args_is_help=True, help="Show, drain and restart workers, and pause queues; for the scope admin.")
MB = 1000**2
WorkerArgument = Annotated[
    str, typer.Argument(metavar="WORKER", help="The worker's name, as shown by 'minutebook workers list'.")
]
QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="transcribe, summarize, ingest or speakers.")]


@app.command("list")
def list_workers(as_json: AsJson = False, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Show every worker, the queues, and the live meetings that are furthest behind."""
    found = call_api(url, key, read_fleet)
    if as_json:
        print_json([found])
        return
    console = Console(soft_wrap=True)
    console.print(_workers(found.workers) if found.workers else "no workers; start them with 'minutebook up'")
    console.print(_queues(found.queues))
    if found.meetings:
        console.print(_meetings(found.meetings))
    if found.failures.waiting:
        console.print(f"{found.failures.waiting} failed tasks; 'minutebook failures list' shows them")


@app.command()
def drain(worker: WorkerArgument, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Let a worker finish what it has and take no more, until it is resumed."""
    _say(call_api(url, key, lambda http: ask_worker(http, worker, "drain")))


@app.command()
def restart(worker: WorkerArgument, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Let a worker finish what it has and end. What supervises it starts it again."""
    _say(call_api(url, key, lambda http: ask_worker(http, worker, "restart")))


@app.command()
def pause(queue: QueueArgument, url: Url = RUNNING_STACK, key: Key = None) -> None:
    """Let no worker take anything from a queue, until it is resumed."""
    _say_queue(call_api(url, key, lambda http: ask_queue(http, queue, "pause")))


@app.command()
def resume(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A drained worker or a paused queue.")],
    url: Url = RUNNING_STACK,
    key: Key = None,
) -> None:
    """Let a drained worker take work again, or workers take from a paused queue again."""
    if "@" in name:
        _say(call_api(url, key, lambda http: ask_worker(http, name, "resume")))
    else:
        _say_queue(call_api(url, key, lambda http: ask_queue(http, name, "resume")))


def _say(worker: WorkerOut) -> None:
    typer.echo(f"{worker.name} is {worker.state}")


def _say_queue(queue: QueueStatus) -> None:
    typer.echo(f"{queue.queue} is {'paused' if queue.paused else 'open'}, {queue.waiting} waiting")


def _workers(workers: Iterable[WorkerOut]) -> Table:
    table = Table("worker", "state", "does", "batch", "step", "model", "cores", "memory", "last error", box=None)
    for each in workers:
        averages = each.averages
        table.add_row(
            each.name,
            each.state,
            _work(each),
            "" if averages.step_windows is None else f"{averages.step_windows:.1f}",
            "" if averages.step_s is None else f"{averages.step_s:.2f} s",
            Text(", ".join(" ".join(filter(None, (model.model, model.precision))) for model in each.models)),
            "" if each.cpu_cores is None else f"{each.cpu_cores:.1f}",
            f"{each.resident_bytes / MB:.0f} MB",
            Text("" if each.last_error is None else shown(each.last_error.text)),
        )
    return table


def _work(worker: WorkerOut) -> str:
    """The tasks of its busy processes, each with the number of its meetings."""
    busy = [each for each in worker.processes if each.task is not None]
    named = [f"{(each.task or '').removeprefix('minutebook.')} ({len(each.meetings)})" for each in busy]
    return ", ".join(named) or "-"


def _queues(queues: Iterable[QueueStatus]) -> Table:
    table = Table("queue", "waiting", "oldest", "", box=None)
    for each in queues:
        oldest = "" if each.oldest_s is None else f"{each.oldest_s:.0f} s"
        table.add_row(each.queue, str(each.waiting), oldest, "paused" if each.paused else "")
    return table


def _meetings(meetings: list[MeetingDelay]) -> Table:
    table = Table(id_column("meeting", [each.meeting_id for each in meetings]), "state", "behind", "title", box=None)
    for each in meetings:
        table.add_row(each.meeting_id, each.state, f"{each.behind_s:.1f} s", Text(each.title))
    return table
