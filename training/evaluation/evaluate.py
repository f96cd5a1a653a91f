"""Measure systems on one test set, with intervals for every figure and for every difference to the first system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from training.data.dataset import Dataset, Example
from training.data.transcript_lines import said_in
from training.evaluation.systems import EvaluatedSystem, SystemAnswer
from training.metrics.bootstrap import Interval, interval, paired
from training.metrics.cost import Latency, latency
from training.metrics.embeddings import BertScore
from training.metrics.errors import Counts, character_errors, word_errors
from training.metrics.rouge import rouge
from training.metrics.support import evidence_overlap, length_ratio, novelty, supported
from workers.summarize.checking.evidence import Evidence

GROUP = 16
"""Examples that a system is given at once."""
WER_EDGES = (0.05, 0.1, 0.2, 0.4)

Values = dict[str, Counts | float]


@dataclass
class Result:
    """What one system did. `values` are the measures of each example, `figures` those of the whole set."""

    name: str
    memory_bytes: int
    answers: list[SystemAnswer] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    figures: dict[str, Interval] = field(default_factory=dict)
    against_first: dict[str, Interval] = field(default_factory=dict)
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Examples whose word error rate lies in [low, high), the systems' ROUGE-1 and ROUGE-L there, and how many of a
    system's summaries are poor: their ROUGE-1 is below the median of the first system's."""

    low: float
    high: float | None
    examples: int
    rouge_1: dict[str, float]
    rouge_l: dict[str, float]
    poor: dict[str, int]


@dataclass(frozen=True, slots=True)
class Item:
    """What an example was about, for people who look at the answers."""

    id: str
    text: str | None
    summary: str | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    fingerprint: str
    items: list[Item]
    units: int
    results: list[Result]
    failures: list[Bucket]

    def dump(self) -> dict[str, Any]:
        """As JSON values, the answers and the measures of each example included."""
        return asdict(self)


def evaluate(
    makers: Sequence[Callable[[], EvaluatedSystem]],
    data: Dataset,
    *,
    same_length: bool = False,
    bert: BertScore | None = None,
    seed: int = 0,
) -> Evaluation:
    """Run each system on all of *data*; they are made one after the other, so one is in memory at a time.

    With *same_length* a summary may say as many words as its reference, so that none wins by its length. A bootstrap
    draws meetings or speakers where the data have them, else examples.
    """
    results = [_run(make(), data, same_length, bert) for make in makers]
    units = [example.group or example.id for example in data]
    for result in results:
        fill_figures(result, results[0], units, seed)
    items = [Item(example.id, example.text, example.summary) for example in data]
    return Evaluation(data.fingerprint, items, len(set(units)), results, _failures(results))


def _run(system: EvaluatedSystem, data: Dataset, same_length: bool, bert: BertScore | None) -> Result:
    result = Result(system.name, system.memory_bytes)
    for first in range(0, len(data), GROUP):
        examples = data[first : first + GROUP]
        for example, answer in zip(examples, system.answer(examples), strict=True):
            result.answers.append(answer)
            result.values.append(dict(_measured(example, answer, same_length, bert)))
    result.latency = latency([answer.seconds for answer in result.answers])
    return result


def _measured(
    example: Example, answer: SystemAnswer, same_length: bool, bert: BertScore | None
) -> Iterator[tuple[str, Counts | float]]:
    if answer.transcript is not None and example.text is not None:
        yield "WER", word_errors(example.text, answer.transcript, example.language)
        yield "CER", character_errors(example.text, answer.transcript, example.language)
    if answer.summary is not None and example.summary is not None:
        yield from _of_summary(example, example.summary, answer, same_length, bert)


def _of_summary(
    example: Example, reference: str, answer: SystemAnswer, same_length: bool, bert: BertScore | None
) -> Iterator[tuple[str, Counts | float]]:
    summary = answer.summary or ""
    yield "length", length_ratio(summary, reference)
    if same_length:
        summary = " ".join(summary.split()[: len(reference.split())])
    found = rouge(reference, summary, example.language)
    yield from (("ROUGE-1", found.r1), ("ROUGE-2", found.r2), ("ROUGE-L", found.l), ("ROUGE-Lsum", found.lsum))
    if bert is not None:
        yield "BERTScore", bert.score([reference], [summary])[0].f1
    source = example.text or answer.transcript
    if source:
        yield "supported", supported(summary, Evidence(said_in(source)))
        yield "novel words", novelty(summary, source)
        yield "novel bigrams", novelty(summary, source, 2)
    if answer.evidence is not None and example.evidence is not None:
        overlap = evidence_overlap(answer.evidence, example.evidence)
        yield from (("evidence precision", overlap.precision), ("evidence recall", overlap.recall))


def fill_figures(result: Result, first: Result, units: Sequence[str], seed: int = 0) -> None:
    """Work out the figures of *result* from its values, and its differences to *first*, drawing *units* together."""
    names = dict.fromkeys(name for values in result.values for name in values)
    for name in names:
        places = [at for at, values in enumerate(result.values) if name in values]
        groups = [units[at] for at in places]
        own: Any = [result.values[at][name] for at in places]
        result.figures[name] = interval(own, groups=groups, seed=seed)
        if result is not first and all(name in first.values[at] for at in places):
            other: Any = [first.values[at][name] for at in places]
            result.against_first[name] = paired(other, own, groups=groups, seed=seed)


def _failures(results: Sequence[Result]) -> list[Bucket]:
    """ROUGE by how well the audio was understood: by the error rate of the first system that has a transcript.

    Low ROUGE at a low error rate is the summariser's doing; at a high one the recogniser's. What is poor is measured
    by that system's own median, so half of its summaries are: the question is in which rows.
    """
    heard = next((each for each in results if any("WER" in v and "ROUGE-1" in v for v in each.values)), None)
    if heard is None:
        return []
    middle = median(_found(heard, range(len(heard.values)), "ROUGE-1"))
    buckets = []
    for low, high in zip((0.0, *WER_EDGES), (*WER_EDGES, None), strict=True):
        places = [at for at, values in enumerate(heard.values) if "WER" in values and _lies(_rate(values), low, high)]
        if places:
            ones, ls = _means(results, places, "ROUGE-1"), _means(results, places, "ROUGE-L")
            poor = {each.name: sum(value < middle for value in _found(each, places, "ROUGE-1")) for each in results}
            buckets.append(Bucket(low, high, len(places), ones, ls, {name: poor[name] for name in ones}))
    return buckets


def _lies(rate: float, low: float, high: float | None) -> bool:
    return low <= rate and (high is None or rate < high)


def _rate(values: Values) -> float:
    counts = values["WER"]
    return counts.rate if isinstance(counts, Counts) else counts


def _means(results: Sequence[Result], places: Sequence[int], name: str) -> dict[str, float]:
    """The mean of a measure over *places*, of those systems that have it there."""
    found = {result.name: _found(result, places, name) for result in results}
    return {system: sum(values) / len(values) for system, values in found.items() if values}


def _found(result: Result, places: Sequence[int], name: str) -> list[float]:
    return [value for at in places if isinstance(value := result.values[at].get(name), float)]


def table(evaluation: Evaluation) -> str:
    """The figures as Markdown: each measure of each system with its interval, and the difference to the first."""
    names = dict.fromkeys(name for result in evaluation.results for name in result.figures)
    heads = [result.name for result in evaluation.results]
    lines = [
        f"{len(evaluation.items)} examples, {evaluation.units} drawn apart, data {evaluation.fingerprint[:12]}; "
        "95 % intervals, the difference to the first system in brackets, * where it excludes zero",
        "",
        f"| measure | {' | '.join(heads)} |",
        f"|{' --- |' * (len(heads) + 1)}",
    ]
    lines += [f"| {name} | {' | '.join(_cell(result, name) for result in evaluation.results)} |" for name in names]
    if any(answer.summary is not None for result in evaluation.results for answer in result.answers):
        lines.append(f"| different summaries | {' | '.join(_different(result) for result in evaluation.results)} |")
    if any(result.latency is not None for result in evaluation.results):
        lines.append(f"| seconds, p50 / p95 | {' | '.join(_seconds(result) for result in evaluation.results)} |")
        lines.append(f"| weights, MB | {' | '.join(f'{r.memory_bytes / 1e6:.0f}' for r in evaluation.results)} |")
    return "\n".join([*lines, *_failure_lines(evaluation)])


def _cell(result: Result, name: str) -> str:
    if name not in result.figures:
        return "–"
    own = result.figures[name]
    text = f"{own.difference:.3f} ({own.low:.3f}–{own.high:.3f})"
    if name in result.against_first:
        gap = result.against_first[name]
        text += f" [{gap.difference:+.3f}, {gap.low:+.3f} to {gap.high:+.3f}{' *' if gap.excludes_zero else ''}]"
    return text


def _different(result: Result) -> str:
    """A model that writes one sentence of everything has a ROUGE too."""
    summaries = [answer.summary for answer in result.answers if answer.summary is not None]
    return f"{len(set(summaries))} of {len(summaries)}" if summaries else "–"


def _seconds(result: Result) -> str:
    return "–" if result.latency is None else f"{result.latency.p50_s:.2f} / {result.latency.p95_s:.2f}"


def _failure_lines(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.failures:
        return
    heads = [result.name for result in evaluation.results]
    yield from ("", f"| word error rate | examples | {' | '.join(f'{name}: ROUGE-1, L; poor' for name in heads)} |")
    yield f"|{' --- |' * (len(heads) + 2)}"
    for each in evaluation.failures:
        span = f"{each.low:.0%} and more" if each.high is None else f"{each.low:.0%} to {each.high:.0%}"
        cells = [
            f"{each.rouge_1[name]:.3f}, {each.rouge_l[name]:.3f}; {each.poor[name]}" if name in each.rouge_1 else "–"
            for name in heads
        ]
        yield f"| {span} | {each.examples} | {' | '.join(cells)} |"
