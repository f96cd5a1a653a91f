"""Minutes of whole meetings, written by the serving code, against abstracts, decisions and links of people.

    python -m bench.summaries DATA/meetings/dev.jsonl.gz --model package:gemma-3-270m --adapter FOLDER

Measures the few-shot prompt of a model, an adapter of it, the words as said and two baselines, with intervals. The
minutes are written to `--out` a meeting at a time; with `--resume` a run that was stopped goes on behind them. Without
`--model` only what needs no model is measured.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from bench.report import machine, write
from bench.summaries.measures import abstract, measured
from bench.summaries.systems import WITHOUT_MODEL, Maker, served
from bench.summaries.written import Shelf, Written
from deploy.fresh import MODELS, ROOT
from schema.core.errors import InvalidData, MinutebookError
from training.data.meetings import Meeting, read_meetings
from training.evaluation.evaluate import Evaluation, Item, Result, fill_figures, table
from training.evaluation.systems import ADAPTER, SystemAnswer, minutes_text
from workers.summarize.writing.model import TextModel, load_model

CORPORA = ("AMI", "ICSI")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    console = Console(stderr=True)
    try:
        meetings = list(read_meetings(arguments.meetings_file))
        chosen = choose(meetings, arguments.corpus, arguments.meetings, arguments.seed)
        made_by = _made_by(arguments.model, arguments.adapter)
        shelf = Shelf(arguments.out / "minutes.jsonl", made_by, resume=arguments.resume)
        makers = {**_with_model(arguments.model, arguments.adapter), **WITHOUT_MODEL}
        _write_all(chosen, makers, shelf, console)
    except MinutebookError as error:
        console.print(f"bench: {error.detail}", markup=False)
        return 1
    evaluation = compare(chosen, list(makers), shelf)
    write(arguments.out / "figures.json", {"machine": machine(), **evaluation.dump()})
    print(table(evaluation))
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meetings_file", type=Path)
    parser.add_argument("--corpus", choices=CORPORA, action="append", help="AMI, ICSI; by default both")
    parser.add_argument("--meetings", type=int, help="so many of each corpus, drawn by --seed; by default all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model")
    parser.add_argument("--adapter", type=Path, help="a folder; needs --model")
    parser.add_argument("--out", type=Path, default=ROOT / "var/bench/summaries")
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.adapter and not arguments.model:
        parser.error("--adapter needs the --model that it was trained for")
    return arguments


def choose(meetings: Sequence[Meeting], corpora: Sequence[str] | None, count: int | None, seed: int) -> list[Meeting]:
    """*count* meetings with an abstract of each of *corpora*; fewer are the first of more. Raises InvalidData."""
    chosen: list[Meeting] = []
    for corpus in corpora or CORPORA:
        found = [each for each in meetings if each.corpus == corpus and abstract(each)]
        chosen += random.Random(seed).sample(found, len(found))[:count]
    if not chosen:
        raise InvalidData(
            f"No meeting of {' or '.join(corpora or CORPORA)} with an abstract is there. Name another file."
        )
    return chosen


def _made_by(model: str | None, adapter: Path | None) -> dict[str, str | None]:
    weights = None if adapter is None else sha256((adapter / "adapter_model.safetensors").read_bytes()).hexdigest()
    return {"model": model, "adapter": weights}


def _with_model(reference: str | None, adapter: Path | None) -> dict[str, Maker]:
    if reference is None:
        return {}
    found = {"few-shot prompt": served(lambda: load_model(reference, MODELS, threads=1))}
    if adapter is not None:
        found["adapter"] = served(lambda: _adapted(reference, adapter))
    return found


def _adapted(reference: str, adapter: Path) -> TextModel:
    model = load_model(reference, MODELS, threads=1)
    model.load_adapter(ADAPTER, adapter)
    model.use_adapter(ADAPTER)
    return model


def _write_all(meetings: Sequence[Meeting], makers: dict[str, Maker], shelf: Shelf, console: Console) -> None:
    for meeting in meetings:
        for system, maker in makers.items():
            if (system, meeting.id) in shelf:
                continue
            write_minutes = maker()
            started = time.process_time()
            minutes = write_minutes(meeting.turns)
            shelf.put(system, meeting.id, Written(minutes, time.process_time() - started))
        console.print(f"{meeting.id} written", style="dim")


def compare(meetings: Sequence[Meeting], systems: Sequence[str], shelf: Shelf) -> Evaluation:
    """The figures of what is on *shelf*, and the differences to the first of *systems*; meetings are drawn."""
    results: list[Result] = []
    for system in systems:
        result = Result(system, memory_bytes=0)
        for meeting in meetings:
            written = shelf[system, meeting.id]
            result.answers.append(SystemAnswer(summary=minutes_text(written.minutes), seconds=written.processor_s))
            result.values.append(measured(meeting, written.minutes, written.processor_s))
        results.append(result)
    names = [meeting.id for meeting in meetings]
    for result in results:
        fill_figures(result, results[0], names)
    items = [Item(meeting.id, None, abstract(meeting)) for meeting in meetings]
    fingerprint = sha256("\n".join(f"{m.id} {m.turns} {m.sentences}" for m in meetings).encode()).hexdigest()
    return Evaluation(fingerprint, items, len(names), results, failures=[])


if __name__ == "__main__":
    sys.exit(main())
