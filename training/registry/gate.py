"""The gate: a version may serve only if it beats the serving version on the same test set and engine.

It is better when the whole 95 % interval of the gain lies above zero. A paired bootstrap draws the groups of the test
set (meetings, speakers), so there must be at least GROUPS_AT_LEAST of them. The gain is in word errors for a
recogniser, and in ROUGE-1 for a summariser. Both are measured on the text that a worker would write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from schema.adapters.lifecycle import Grounds, promote
from schema.adapters.registry import BARE, active_version
from schema.adapters.tables import Adapter
from schema.core.database import Database
from schema.core.errors import Conflict, DataOverlap, InvalidInput, NoGain
from schema.core.language import language_of
from schema.core.settings import Settings
from schema.core.states import AdapterState, AdapterTask
from training.data import Dataset
from training.data.dataset import Example
from training.data.training_fingerprints import refuse_trained_on
from training.data.transcript_lines import transcript_segments
from training.evaluation.systems import minutes_text, transcripts
from training.metrics.bootstrap import Interval, paired
from training.metrics.summaries import Rouge, rouge
from workers.asr.error_rates import Counts, rate, word_errors
from workers.models.adapters import shipped_notes, stored
from workers.summarize.final import minutes_of
from workers.summarize.writing.trained import writer_of

if TYPE_CHECKING:
    from workers.summarize.writing.model import TextModel

Tell = Callable[[str], None]
GROUPS_AT_LEAST = 5
"""With fewer groups, the bootstrap cannot show how much the gain varies."""


@dataclass(frozen=True, slots=True)
class GateComparison:
    """`gain` is the improvement by the candidate. `candidate` and `serving` are the values of the metric."""

    metric: str
    candidate: float
    serving: float
    gain: Interval
    groups: int
    precision: str
    against: str
    """The present system: a version, the adapter that Minutebook includes, or `base`, the bare model."""
    further: dict[str, float] = field(default_factory=dict)

    @property
    def is_gain(self) -> bool:
        return self.gain.low > 0 and self.groups >= GROUPS_AT_LEAST


@dataclass(frozen=True, slots=True)
class Promotion:
    """The versions to compare, the test set, and who decides. `force_reason` promotes even without a gain."""

    adapter: Adapter
    serving: Adapter | None
    dataset: Dataset
    data: str
    decided_by: str
    force_reason: str | None = None


def promote_if_better(database: Database, config: Settings, wanted: Promotion, tell: Tell) -> dict[str, object]:
    """Compare the versions, and promote the candidate if there is a gain or a `force_reason`. Returns the figures.

    Raises NoGain, DataOverlap, Conflict (another version began to serve meanwhile), and what loading raises.
    """
    check(wanted)
    refuse_trained_on(stored(config.adapters, wanted.adapter.checksum), wanted.dataset)
    measure = compare_asr if wanted.adapter.task == AdapterTask.ASR else compare_summary
    found = measure(config, wanted.adapter, wanted.serving, wanted.dataset, tell)
    figures = _figures(wanted, found)
    if not found.is_gain and wanted.force_reason is None:
        raise NoGain(_refusal(wanted, found), **figures)
    grounds = Grounds(wanted.decided_by, wanted.force_reason, wanted.force_reason is not None, figures)
    with database.write() as session:
        adapter = session.get_one(Adapter, wanted.adapter.id)
        promote(session, adapter, wanted.serving.id if wanted.serving else None, grounds)
    return figures


def serving_version(database: Database, adapter: Adapter) -> Adapter | None:
    """The version of the same name that serves now."""
    with database.read() as session:
        return active_version(session, AdapterTask(adapter.task), adapter.name)


def check(wanted: Promotion) -> None:
    """Refuse what cannot be measured, before a model is loaded. Raises Conflict, DataOverlap, InvalidInput."""
    if wanted.adapter.state == AdapterState.ACTIVE:
        raise Conflict(f"{wanted.adapter.label} is active already")
    if not len(wanted.dataset):
        raise InvalidInput(f"the test set {wanted.data} has no examples")
    if wanted.dataset.fingerprint == wanted.adapter.data_fingerprint:
        raise DataOverlap(f"{wanted.adapter.label} was trained on {wanted.data}; measure it on other data")


def compare_asr(
    config: Settings, candidate: Adapter, serving: Adapter | None, dataset: Dataset, tell: Tell
) -> GateComparison:
    """Compare word errors. Each recording is read as a worker reads a file."""
    from workers.asr.engine import load_engine

    engine = load_engine(config.asr_model, config.models, config.asr_precision, config.asr_device)
    counts: dict[str | None, list[Counts]] = {}
    for adapter in (candidate, serving):
        name = adapter.label if adapter else None
        if adapter is not None:
            engine.load_adapter(adapter.label, stored(config.adapters, adapter.checksum))
        tell(f"{name or config.asr_model} reads {len(dataset)} recordings")
        read = zip(dataset, transcripts(engine, dataset, name), strict=True)
        counts[name] = [word_errors(each.text or "", heard.text, each.language) for each, heard in read]
    new, old = counts[candidate.label], counts[serving.label if serving else None]
    groups = _groups(dataset)
    gain = paired(new, old, groups=groups)
    against = serving.label if serving else BARE
    return GateComparison(
        "word error rate", rate(new), rate(old), gain, len(set(groups)), engine.whisper.precision, against
    )


def compare_summary(
    config: Settings, candidate: Adapter, serving: Adapter | None, dataset: Dataset, tell: Tell
) -> GateComparison:
    """Compare ROUGE of the final minutes of each text. If no version serves, the shipped adapter is compared."""
    from workers.summarize.writing.model import load_model

    model = load_model(
        config.summary_model,
        config.models,
        precision=config.summary_precision,
        device=config.summary_device,
        threads=config.summary_threads,
    )
    scores: dict[str | None, list[Rouge]] = {}
    for adapter in (candidate, serving):
        name = _load_adapter(model, config, adapter)
        model.use_adapter(name)
        tell(f"{name or config.summary_model} writes the minutes of {len(dataset)} texts")
        scores[name] = [
            rouge(each.summary or "", written_minutes(model, each, config.models), each.language) for each in dataset
        ]
    new, old = scores[candidate.label], scores[name]
    groups = _groups(dataset)
    gain = paired([each.r1 for each in old], [each.r1 for each in new], groups=groups)
    further = {
        f"{kind}_{which}": _mean([getattr(each, field_) for each in side])
        for kind, field_ in (("rouge2", "r2"), ("rougeL", "l"))
        for which, side in (("candidate", new), ("serving", old))
    }
    r1_new, r1_old = (_mean([each.r1 for each in side]) for side in (new, old))
    precision = config.summary_precision
    return GateComparison("ROUGE-1", r1_new, r1_old, gain, len(set(groups)), precision, name or BARE, further)


def written_minutes(model: TextModel, example: Example, cache_dir: Path) -> str:
    """The text of the minutes of the example, written with the adapter that *model* uses at present."""
    segments = transcript_segments(example.text or "")
    language = language_of(example.language, (segment.text for segment in segments))
    return minutes_text(minutes_of(segments, writer_of(model, language, cache_dir), language=language))


def _load_adapter(model: TextModel, config: Settings, adapter: Adapter | None) -> str | None:
    """Load *adapter*, or the shipped one if there is none, and return its name. None if there is neither."""
    if adapter is not None:
        model.load_adapter(adapter.label, stored(config.adapters, adapter.checksum))
        return adapter.label
    shipped = shipped_notes(config.summary_model, wanted=config.summary_shipped)
    return shipped.name if shipped is not None and shipped.lend(model.load_adapter) else None


def _groups(dataset: Dataset) -> list[str]:
    return [each.group or each.id for each in dataset]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _figures(wanted: Promotion, found: GateComparison) -> dict[str, object]:
    return {
        "data": wanted.data,
        "data_fingerprint": wanted.dataset.fingerprint,
        "examples": len(wanted.dataset),
        "groups": found.groups,
        "metric": found.metric,
        "candidate": found.candidate,
        "compared_with": found.against,
        "serving": found.serving,
        "gain": found.gain.difference,
        "gain_low": found.gain.low,
        "gain_high": found.gain.high,
        "precision": found.precision,
        **found.further,
    }


def _refusal(wanted: Promotion, found: GateComparison) -> str:
    serving = "the bare model" if found.against == BARE else found.against
    return (
        f"{wanted.adapter.label} shows no gain over {serving} on {wanted.data}: {described(found)}. Train it further, "
        "measure on more data, or promote it all the same with --force and --reason"
    )


def described(found: GateComparison) -> str:
    """`word error rate 0.081 instead of 0.092, gain 0.011 (95 %: 0.002 to 0.021)`."""
    gain, few = found.gain, found.groups < GROUPS_AT_LEAST
    return (
        f"{found.metric} {found.candidate:.4f} instead of {found.serving:.4f}, gain {gain.difference:.4f} "
        f"(95 %: {gain.low:.4f} to {gain.high:.4f}"
        f"{f', from {found.groups} groups of examples where {GROUPS_AT_LEAST} are needed' if few else ''})"
    )
