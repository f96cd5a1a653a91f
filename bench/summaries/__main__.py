"""Compares minutes of whole meetings, written by the serving code, with people's abstracts, decisions and links.

    python -m bench.summaries DATA/meetings/dev.jsonl.gz --model package:gemma-3-270m --adapter FOLDER

Measures a model with a few-shot prompt, the same model with an adapter, a summariser without a model and two baselines,
with intervals. The minutes are written to `--out` one meeting at a time; `--resume` continues an interrupted run.
Without `--model`, only the systems that need no model are measured.
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
from bench.summaries.measures import abstract, measure_minutes
from bench.summaries.minutes_store import MinutesStore, WrittenMinutes
from bench.summaries.systems import WITHOUT_MODEL, Maker, served
from deploy.fresh import MODELS, ROOT
from schema.core.errors import InvalidData, MinutebookError
from training.data.meetings import AnnotatedMeeting, read_meetings
from training.evaluation.evaluate import EvaluatedExample, Evaluation, SystemResult, compute_figures, table
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
        shelf = MinutesStore(arguments.out / "minutes.jsonl", made_by, resume=arguments.resume)
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
    parser.add_argument("--corpus", choices=CORPORA, action="append", help="AMI, ICSI; default: both")
    parser.add_argument("--meetings", type=int, help="number of meetings of each corpus, drawn by --seed; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model")
    parser.add_argument("--adapter", type=Path, help="a folder; needs --model")
    parser.add_argument("--out", type=Path, default=ROOT / "var/bench/summaries")
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.adapter and not arguments.model:
        parser.error("--adapter needs the --model that it was trained for")
    return arguments


def choose(
    meetings: Sequence[AnnotatedMeeting], corpora: Sequence[str] | None, count: int | None, seed: int
) -> list[AnnotatedMeeting]:
    """*count* meetings with an abstract from each of *corpora*. A smaller count gives the first of a larger one. Raises
    InvalidData.
    """
    chosen: list[AnnotatedMeeting] = []
    for corpus in corpora or CORPORA:
        found = [each for each in meetings if each.corpus == corpus and abstract(each)]
        chosen += random.Random(seed).sample(found, len(found))[:count]
    if not chosen:
        raise InvalidData(
            f"There is no meeting of {' or '.join(corpora or CORPORA)} with an abstract. Name another file."
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


def _write_all(
    meetings: Sequence[AnnotatedMeeting], makers: dict[str, Maker], shelf: MinutesStore, console: Console
) -> None:
    for meeting in meetings:
        for system, maker in makers.items():
            if (system, meeting.id) in shelf:
                continue
            write_minutes = maker()
            started = time.process_time()
            minutes = write_minutes(meeting.turns, language=meeting.language)
            shelf.put(system, meeting.id, WrittenMinutes(minutes, time.process_time() - started))
        console.print(f"{meeting.id} written", style="dim")


def compare(meetings: Sequence[AnnotatedMeeting], systems: Sequence[str], shelf: MinutesStore) -> Evaluation:
    """The figures of the minutes in *shelf*, and their differences to the first of *systems*. The bootstrap draws
    meetings.
    """
    results: list[SystemResult] = []
    for system in systems:
        result = SystemResult(system, memory_bytes=0)
        for meeting in meetings:
            written = shelf[system, meeting.id]
            result.answers.append(SystemAnswer(summary=minutes_text(written.minutes), seconds=written.processor_s))
            result.values.append(measure_minutes(meeting, written.minutes, written.processor_s))
        results.append(result)
    names = [meeting.id for meeting in meetings]
    for result in results:
        compute_figures(result, results[0], names)
    items = [EvaluatedExample(meeting.id, None, abstract(meeting)) for meeting in meetings]
    fingerprint = sha256("\n".join(f"{m.id} {m.turns} {m.sentences}" for m in meetings).encode()).hexdigest()
    return Evaluation(fingerprint, items, len(names), results, failures=[])


if __name__ == "__main__":
    sys.exit(main())
