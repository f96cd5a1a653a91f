"""What the code makes of good items: the reference minutes go through it as if a model had written them.

Beside each right item the false statements of the meeting are offered. So this shows what the code loses of what a
perfect model would write, and what it would stop of a careless one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.minutes.gold import GoldAction, GoldItem, GoldMeeting, Trap
from bench.minutes.score import Share
from schema.minutes.ledger import ItemKind
from schema.minutes.minutes import Action, Minutes, Sentence
from workers.summarize.final import minutes_of
from workers.summarize.writing.writer import Draft, NoteDraft, WindowTask

_TRAP_KINDS = {"decisions": ItemKind.DECISION, "actions": ItemKind.ACTION}


@dataclass
class PipelineScore:
    """Shares of the items that were offered.

    `kept` right items stand in their list with owner and due time, `unmarked` ones also without the mark of a sentence
    that nothing supports. `stopped` false ones do not stand in their list, or stand there marked.
    """

    kept: Share = field(default_factory=Share)
    unmarked: Share = field(default_factory=Share)
    stopped: Share = field(default_factory=Share)
    lost: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float | None]:
        return {"kept": self.kept.value, "unmarked": self.unmarked.value, "stopped": self.stopped.value}


class ReferenceWriter:
    """A writer that answers each window with the items whose last line is in it."""

    def __init__(self, offered: Iterable[tuple[ItemKind, GoldItem]]) -> None:
        self._offered = list(offered)

    def note(self, task: WindowTask) -> NoteDraft:
        here = {segment.id for segment in task.window}
        mine = [(kind, item) for kind, item in self._offered if max(item.evidence) in here]
        drafts = (_draft(kind, item, here) for kind, item in sorted(mine, key=lambda each: max(each[1].evidence)))
        return NoteDraft("", tuple(drafts))


def _draft(kind: ItemKind, item: GoldItem, here: set[int]) -> Draft:
    owner, due = (item.owner, item.due) if isinstance(item, GoldAction) else (None, None)
    return Draft(kind, item.text, owner, due, tuple(turn for turn in item.evidence if turn in here))


def through_the_pipeline(meetings: Sequence[GoldMeeting], *, speakers: bool) -> PipelineScore:
    """Count what stays of the items of *meetings*, and of the false statements beside them."""
    total = PipelineScore()
    for meeting in meetings:
        right, false = _right(meeting), _false(meeting)
        writer = ReferenceWriter([*right, *false])
        minutes = minutes_of(meeting.segments(speakers=speakers), writer, language=meeting.language)
        for kind, item in right:
            _count(total, meeting.id, kind, item, minutes)
        for kind, trap in false:
            standing = [each for each in _list(minutes, kind) if each.text == trap.text and each.supported]
            total.stopped.add(int(not standing), 1)
    return total


def _right(meeting: GoldMeeting) -> list[tuple[ItemKind, GoldItem]]:
    gold = meeting.gold
    lists = {
        ItemKind.DECISION: gold.decisions,
        ItemKind.ACTION: gold.actions,
        ItemKind.POINT: gold.facts,
        ItemKind.QUESTION: gold.questions,
    }
    return [(kind, item) for kind, items in lists.items() for item in items]


def _false(meeting: GoldMeeting) -> list[tuple[ItemKind, Trap]]:
    return [(_TRAP_KINDS.get(trap.section, ItemKind.POINT), trap) for trap in meeting.gold.traps]


def _count(total: PipelineScore, meeting: str, kind: ItemKind, item: GoldItem, minutes: Minutes) -> None:
    same = next((each for each in _list(minutes, kind) if each.text == item.text and _same_task(item, each)), None)
    total.kept.add(int(same is not None), 1)
    total.unmarked.add(int(same is not None and same.supported), 1)
    if same is None:
        total.lost.append(f"{meeting}: {item.text}")


def _same_task(item: GoldItem, written: Sentence | Action) -> bool:
    if not isinstance(item, GoldAction):
        return True
    return isinstance(written, Action) and (written.owner, written.due) == (item.owner, item.due)


def _list(minutes: Minutes, kind: ItemKind) -> Sequence[Sentence | Action]:
    lists: dict[ItemKind, Sequence[Sentence | Action]] = {
        ItemKind.DECISION: minutes.decisions,
        ItemKind.ACTION: minutes.actions,
        ItemKind.QUESTION: minutes.questions,
        ItemKind.POINT: [sentence for chapter in minutes.chapters for sentence in chapter.sentences],
    }
    return lists[kind]
