"""Measures minutes fact by fact, on invented meetings whose decisions, tasks, facts and traps are marked.

    python -m bench.minutes [--dev] [--only ID,ID] [--model REFERENCE [--adapter FOLDER]]
        [--gguf FILE] [--endpoint URL --endpoint-model NAME]

Each writer writes the minutes of every meeting, with the speakers known and unknown, by the code that serves. The
figures and the minutes are written to `--out`. The reference minutes that people wrote are measured beside them.

A last table says what the code itself keeps of right items that a writer offers, and what it stops of false ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.minutes.gold import GoldMeeting, of_invented, read_gold
from bench.minutes.pipeline import through_the_pipeline
from bench.minutes.score import score
from bench.report import machine, write
from deploy.fresh import MODELS, ROOT
from schema.core.errors import InvalidData, MinutebookError
from schema.minutes.minutes import MINUTES, Minutes
from training.data.invented_meetings import invented_meetings
from workers.summarize.chat.endpoint import EndpointModel, EndpointOptions
from workers.summarize.chat.gguf import GgufModel
from workers.summarize.chat.model import ChatModel
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.final import minutes_of
from workers.summarize.writing.model import load_model
from workers.summarize.writing.rules import RulesWriter
from workers.summarize.writing.trained import embedded_writer, writer_of
from workers.summarize.writing.writer import NoteWriter

HERE = Path(__file__).parent
KNOWN = ("known", "unknown")
WriterOf = Callable[[str], NoteWriter]
"""The writer for a language."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    console = Console(stderr=True)
    try:
        wanted = [name for name in arguments.only.split(",") if name]
        every = list(map(of_invented, invented_meetings("dev"))) if arguments.dev else read_gold(arguments.meetings)
        meetings = _chosen(every, wanted)
        writers = _writers(arguments)
    except MinutebookError as error:
        console.print(f"bench: {error.detail}", markup=False)
        return 1
    rows: dict[str, dict[str, Any]] = {}
    if reference := _reference(arguments.reference, meetings):
        rows["written by a person"] = score(zip(meetings, reference, strict=True)).figures()
    for name, writer_for in writers.items():
        for known in KNOWN:
            row = f"{name}, speakers {known}"
            console.print(f"writing: {row}", style="dim")
            rows[row] = _measured(meetings, writer_for, arguments.out / row, speakers=known == "known")
    stays = {f"speakers {known}": through_the_pipeline(meetings, speakers=known == "known") for known in KNOWN}
    pipeline = {name: {**counted.figures(), "lost": counted.lost} for name, counted in stays.items()}
    write(arguments.out / "minutes.json", {"machine": machine(), "rows": rows, "pipeline": pipeline})
    shown = Console(width=160)
    shown.print(_table("minutes", _COLUMNS, rows))
    shown.print(_table("the reference through the pipeline", _PIPELINE_COLUMNS, pipeline))
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meetings", type=Path, default=HERE / "meetings")
    parser.add_argument("--reference", type=Path, default=HERE / "reference", help="minutes by people, ID.json")
    parser.add_argument("--dev", action="store_true", help="the meetings that settings are chosen on")
    parser.add_argument("--only", default="", help="ids, separated by commas")
    parser.add_argument("--model", help="a model that was trained to write notes")
    parser.add_argument("--adapter", type=Path, help="the folder of an adapter for it")
    parser.add_argument("--gguf", type=Path, help="a chat model in a GGUF file")
    parser.add_argument("--threads", type=int, default=1, help="of the chat model in a GGUF file")
    parser.add_argument("--endpoint", help="the URL of an OpenAI-compatible endpoint; needs --endpoint-model")
    parser.add_argument("--endpoint-model")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench")
    arguments = parser.parse_args(argv)
    if bool(arguments.endpoint) != bool(arguments.endpoint_model):
        parser.error("--endpoint and --endpoint-model go together")
    return arguments


def _chosen(meetings: Sequence[GoldMeeting], wanted: Sequence[str]) -> Sequence[GoldMeeting]:
    """The *meetings* with an id in *wanted*, or all. Raises InvalidData."""
    known = {meeting.id: meeting for meeting in meetings}
    if unknown := [name for name in wanted if name not in known]:
        raise InvalidData(f"--only {unknown[0]}: there is no such meeting. Known: {', '.join(known)}.")
    return [known[name] for name in wanted] or meetings


def _writers(arguments: argparse.Namespace) -> dict[str, WriterOf]:
    writers: dict[str, WriterOf] = {
        "rules": lambda _language: RulesWriter(),
        "embedded": lambda language: embedded_writer(language, MODELS),
    }
    if arguments.model:
        model = load_model(arguments.model, MODELS, threads=1)
        if arguments.adapter:
            model.load_adapter(arguments.adapter.name, arguments.adapter)
            model.use_adapter(arguments.adapter.name)
        name = arguments.adapter.name if arguments.adapter else arguments.model
        writers[name] = lambda language: writer_of(model, language, MODELS)
    if arguments.gguf:
        writers[arguments.gguf.stem] = _chat_writer(GgufModel(arguments.gguf, arguments.threads))
    if arguments.endpoint:
        chat = EndpointModel(EndpointOptions(arguments.endpoint, arguments.endpoint_model, timeout_s=600))
        writers[chat.name] = _chat_writer(chat)
    return writers


def _chat_writer(chat: ChatModel) -> WriterOf:
    return lambda language: ChatWriter(chat, embedded_writer(language, MODELS))


def _reference(folder: Path, meetings: Sequence[GoldMeeting]) -> list[Minutes]:
    """The reference minutes of *meetings*, or none if one is missing."""
    files = [folder / f"{meeting.id}.json" for meeting in meetings]
    if not all(file.exists() for file in files):
        return []
    return [_without_times(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def _without_times(body: dict[str, Any]) -> Minutes:
    """Minutes by people, whose chapters have no times."""
    chapters = [{"first_sample": 0, "end_sample": 0, **chapter} for chapter in body.get("chapters", [])]
    return MINUTES.validate_python({**body, "chapters": chapters})


def _measured(meetings: Sequence[GoldMeeting], writer_for: WriterOf, out: Path, *, speakers: bool) -> dict[str, Any]:
    pairs = []
    started = time.process_time()
    for meeting in meetings:
        segments = meeting.segments(speakers=speakers)
        writer = writer_for(meeting.language)
        final = writer if isinstance(writer, ChatWriter) else None
        minutes = minutes_of(segments, writer, final, language=meeting.language)
        write(out / f"{meeting.id}.json", MINUTES.dump_python(minutes, mode="json"))
        pairs.append((meeting, minutes))
    counted = score(pairs)
    return {**counted.figures(), "cpu_s": round(time.process_time() - started, 1), "traps": counted.traps}


_COLUMNS = {
    "decisions F1": "decisions_f1",
    "actions F1": "actions_f1",
    "owners": "owners",
    "dues": "dues",
    "facts": "facts",
    "questions": "questions",
    "traps a meeting": "traps_a_meeting",
    "cited": "cited",
    "words": "words",
    "CPU s": "cpu_s",
}


_PIPELINE_COLUMNS = {
    "right items kept": "kept",
    "kept without a mark": "unmarked",
    "false items stopped or marked": "stopped",
}


def _table(heading: str, columns: dict[str, str], rows: dict[str, dict[str, Any]]) -> Table:
    table = Table(heading, *columns)
    for name, figures in rows.items():
        table.add_row(name, *(_shown(figures.get(key)) for key in columns.values()))
    return table


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


if __name__ == "__main__":
    sys.exit(main())
