"""Measures systems on one test set, with intervals for every figure and for every difference to the first system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from schema.core.words import count_words, first_words
from training.data.dataset import Dataset, Example
from training.data.transcript_lines import transcript_segments
from training.evaluation.systems import EvaluatedSystem, SystemAnswer
from training.metrics.bootstrap import Interval, interval, paired
from training.metrics.cost import Latency, latency
from training.metrics.embeddings import BertScore
from training.metrics.summaries import evidence_overlap, length_ratio, novelty, rouge, supported
from workers.asr.error_rates import Counts, character_errors, word_errors
from workers.summarize.checking.evidence import Evidence

EXAMPLES_AT_ONCE = 16
"""Examples that a system is given at once."""
WER_EDGES = (0.05, 0.1, 0.2, 0.4)

ExampleMeasures = dict[str, Counts | float]


@dataclass
class SystemResult:
    """The results of one system. `values` are the measures of each example, `figures` those of the whole set."""

    name: str
    memory_bytes: int
    answers: list[SystemAnswer] = field(default_factory=list)
    values: list[ExampleMeasures] = field(default_factory=list)
    figures: dict[str, Interval] = field(default_factory=dict)
    against_first: dict[str, Interval] = field(default_factory=dict)
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class ErrorRateBucket:
    """Examples whose word error rate lies in [low, high), with each system's ROUGE-1 and ROUGE-L on them. `poor` counts
    a system's summaries whose ROUGE-1 is below the median of the first system.
    """

    low: float
    high: float | None
    examples: int
    rouge_1: dict[str, float]
    rouge_l: dict[str, float]
    poor: dict[str, int]


@dataclass(frozen=True, slots=True)
class EvaluatedExample:
    """The text and reference summary of an example, for people who look at the answers."""

    id: str
    text: str | None
    summary: str | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    fingerprint: str
    items: list[EvaluatedExample]
    units: int
    results: list[SystemResult]
    failures: list[ErrorRateBucket]

    def dump(self) -> dict[str, Any]:
        """As JSON values, including the answers and the measures of each example."""
        return asdict(self)


def evaluate(
    makers: Sequence[Callable[[], EvaluatedSystem]],
    data: Dataset,
    *,
    same_length: bool = False,
    bert: BertScore | None = None,
    seed: int = 0,
) -> Evaluation:
    """Run each system on all of *data*. Systems are loaded one after the other, so only one is in memory.

    With *same_length* a summary is cut to the length of its reference, so that no system wins by length. The bootstrap
    draws meetings or speakers if the data has them, otherwise examples.
    """
    results = [_evaluate_system(make(), data, same_length, bert) for make in makers]
    units = [example.group or example.id for example in data]
    for result in results:
        compute_figures(result, results[0], units, seed)
    items = [EvaluatedExample(example.id, example.text, example.summary) for example in data]
    return Evaluation(data.fingerprint, items, len(set(units)), results, _by_error_rate(results))


def _evaluate_system(system: EvaluatedSystem, data: Dataset, same_length: bool, bert: BertScore | None) -> SystemResult:
    result = SystemResult(system.name, system.memory_bytes)
    for first in range(0, len(data), EXAMPLES_AT_ONCE):
        examples = data[first : first + EXAMPLES_AT_ONCE]
        for example, answer in zip(examples, system.answer(examples), strict=True):
            result.answers.append(answer)
            result.values.append(dict(_measure(example, answer, same_length, bert)))
    result.latency = latency([answer.seconds for answer in result.answers])
    return result


def _measure(
    example: Example, answer: SystemAnswer, same_length: bool, bert: BertScore | None
) -> Iterator[tuple[str, Counts | float]]:
    if answer.transcript is not None and example.text is not None:
        yield "WER", word_errors(example.text, answer.transcript, example.language)
        yield "CER", character_errors(example.text, answer.transcript, example.language)
    if answer.summary is not None and example.summary is not None:
        yield from _measure_summary(example, example.summary, answer, same_length, bert)


def _measure_summary(
    example: Example, reference: str, answer: SystemAnswer, same_length: bool, bert: BertScore | None
) -> Iterator[tuple[str, Counts | float]]:
    summary = answer.summary or ""
    yield "length", length_ratio(summary, reference)
    if same_length:
        summary = first_words(summary, count_words(reference))
    found = rouge(reference, summary, example.language)
    yield from (("ROUGE-1", found.r1), ("ROUGE-2", found.r2), ("ROUGE-L", found.l), ("ROUGE-Lsum", found.lsum))
    if bert is not None:
        yield "BERTScore", bert.score([reference], [summary])[0].f1
    source = example.text or answer.transcript
    if source:
        yield "supported", supported(summary, Evidence(transcript_segments(source), example.language))
        yield "novel words", novelty(summary, source)
        yield "novel bigrams", novelty(summary, source, 2)
    if answer.evidence is not None and example.evidence is not None:
        overlap = evidence_overlap(answer.evidence, example.evidence)
        yield from (("evidence precision", overlap.precision), ("evidence recall", overlap.recall))


def compute_figures(result: SystemResult, first: SystemResult, units: Sequence[str], seed: int = 0) -> None:
    """Compute the figures of *result* from its values, and its differences to *first*. *units* are drawn together."""
    names = dict.fromkeys(name for values in result.values for name in values)
    for name in names:
        indices = [at for at, values in enumerate(result.values) if name in values]
        groups = [units[at] for at in indices]
        own: Any = [result.values[at][name] for at in indices]
        result.figures[name] = interval(own, groups=groups, seed=seed)
        if result is not first and all(name in first.values[at] for at in indices):
            other: Any = [first.values[at][name] for at in indices]
            result.against_first[name] = paired(other, own, groups=groups, seed=seed)


def _by_error_rate(results: Sequence[SystemResult]) -> list[ErrorRateBucket]:
    """ROUGE by the word error rate of the first system with a transcript.

    Low ROUGE at a low error rate points to the summariser, at a high one to the recogniser. A summary counts as poor
    below that system's own median, so half of its summaries are poor; what matters is in which rows.
    """
    transcribed = next((each for each in results if any("WER" in v and "ROUGE-1" in v for v in each.values)), None)
    if transcribed is None:
        return []
    middle = median(_values_at(transcribed, range(len(transcribed.values)), "ROUGE-1"))
    buckets = []
    for low, high in zip((0.0, *WER_EDGES), (*WER_EDGES, None), strict=True):
        indices = [
            at
            for at, values in enumerate(transcribed.values)
            if "WER" in values and _in_range(_rate(values), low, high)
        ]
        if indices:
            ones, ls = _means(results, indices, "ROUGE-1"), _means(results, indices, "ROUGE-L")
            poor = {
                each.name: sum(value < middle for value in _values_at(each, indices, "ROUGE-1")) for each in results
            }
            buckets.append(ErrorRateBucket(low, high, len(indices), ones, ls, {name: poor[name] for name in ones}))
    return buckets


def _in_range(rate: float, low: float, high: float | None) -> bool:
    return low <= rate and (high is None or rate < high)


def _rate(values: ExampleMeasures) -> float:
    counts = values["WER"]
    return counts.rate if isinstance(counts, Counts) else counts


def _means(results: Sequence[SystemResult], indices: Sequence[int], name: str) -> dict[str, float]:
    """The mean of a measure over *indices*, for the systems that have it there."""
    found = {result.name: _values_at(result, indices, name) for result in results}
    return {system: sum(values) / len(values) for system, values in found.items() if values}


def _values_at(result: SystemResult, indices: Sequence[int], name: str) -> list[float]:
    return [value for at in indices if isinstance(value := result.values[at].get(name), float)]


def table(evaluation: Evaluation) -> str:
    """The figures as Markdown: each measure of each system with its interval, and the difference to the first
    system.
    """
    names = dict.fromkeys(name for result in evaluation.results for name in result.figures)
    heads = [result.name for result in evaluation.results]
    lines = [
        f"{len(evaluation.items)} examples in {evaluation.units} groups, data {evaluation.fingerprint[:12]}; "
        "95 % intervals; in brackets the difference to the first system, with * if it excludes zero",
        "",
        f"| measure | {' | '.join(heads)} |",
        f"|{' --- |' * (len(heads) + 1)}",
    ]
    lines += [f"| {name} | {' | '.join(_cell(result, name) for result in evaluation.results)} |" for name in names]
    if any(answer.summary is not None for result in evaluation.results for answer in result.answers):
        lines.append(
            f"| different summaries | {' | '.join(_different_summaries(result) for result in evaluation.results)} |"
        )
    if any(result.latency is not None for result in evaluation.results):
        lines.append(f"| seconds, p50 / p95 | {' | '.join(_seconds(result) for result in evaluation.results)} |")
        lines.append(f"| weights, MB | {' | '.join(f'{r.memory_bytes / 1e6:.0f}' for r in evaluation.results)} |")
    return "\n".join([*lines, *_error_rate_lines(evaluation)])


def _cell(result: SystemResult, name: str) -> str:
    if name not in result.figures:
        return "–"
    own = result.figures[name]
    text = f"{own.difference:.3f} ({own.low:.3f}–{own.high:.3f})"
    if name in result.against_first:
        gap = result.against_first[name]
        text += f" [{gap.difference:+.3f}, {gap.low:+.3f} to {gap.high:+.3f}{' *' if gap.excludes_zero else ''}]"
    return text


def _different_summaries(result: SystemResult) -> str:
    """Count the different summaries, because a model that always writes the same one may have a fair ROUGE."""
    summaries = [answer.summary for answer in result.answers if answer.summary is not None]
    return f"{len(set(summaries))} of {len(summaries)}" if summaries else "–"


def _seconds(result: SystemResult) -> str:
    return "–" if result.latency is None else f"{result.latency.p50_s:.2f} / {result.latency.p95_s:.2f}"


def _error_rate_lines(evaluation: Evaluation) -> Iterator[str]:
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
