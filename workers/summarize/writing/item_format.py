"""How a small model is asked for one item, and how its answer is read.

The model sees the lines around a place where a detector found something. Lines that carry it are marked. It continues
with the item, or with `none` if the lines carry no such item:

    Priya: The oven is broken again.
    > Tom: Then I ask the dealer for two quotes.
    > Priya: By Friday, please.
    Action: Tom | by Friday | Tom asks the dealer for two quotes for a new oven.

For a heading, or for an overview of the meeting, the model sees the items instead:

    Decision: The oven is replaced before Easter.
    Action: Tom asks the dealer for two quotes for a new oven.
    Title: Replacing the oven
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from schema.minutes.ledger import ItemKind
from workers.summarize.text.segment import SpokenSegment

CONTEXT_LINES = 1
"""Lines that are shown before the first marked line, and after the last one."""
ITEM_TOKENS = 64
OVERVIEW_TOKENS = 128
OUTLINE_ITEMS = 14
"""A title or an overview is written from so many items at most."""
MARK = "> "
NONE = "none"
UNKNOWN = "-"
PART = " | "
LABELS = {
    ItemKind.DECISION: "Decision:",
    ItemKind.ACTION: "Action:",
    ItemKind.POINT: "Fact:",
    ItemKind.QUESTION: "Question:",
}
TITLE = "Title:"
OVERVIEW = "Overview:"


@dataclass(frozen=True, slots=True)
class WrittenItem:
    text: str
    owner: str | None = None
    due: str | None = None


def item_prompt(lines: Sequence[SpokenSegment], marked: Collection[int], kind: ItemKind) -> str:
    """The prompt for an item of *kind*. *marked* are the ids of the lines that carry it."""
    shown = (f"{MARK if line.id in marked else ''}{line_text(line)}" for line in lines)
    return "\n".join([*shown, LABELS[kind]])


def line_text(line: SpokenSegment) -> str:
    text = " ".join(line.text.split())
    return f"{line.speaker}: {text}" if line.speaker else text


def outline_prompt(items: Iterable[tuple[ItemKind, str]], label: str) -> str:
    """The prompt for what *label* says, `TITLE` or `OVERVIEW`, of *items*: the kind and the text of each."""
    return "\n".join([*(f"{LABELS[kind]} {text}" for kind, text in items), label])


def item_answer(item: WrittenItem | None, kind: ItemKind) -> str:
    """The answer that a model is trained to give."""
    if item is None:
        return NONE
    if kind is not ItemKind.ACTION:
        return item.text
    return PART.join([item.owner or UNKNOWN, item.due or UNKNOWN, item.text])


def read_item(answer: str, kind: ItemKind) -> WrittenItem | None:
    """The item in *answer*, None if the model found none or its answer has not the form of one."""
    line = answer.strip().partition("\n")[0].strip()
    if not line or line.lower().rstrip(".") == NONE:
        return None
    if kind is not ItemKind.ACTION:
        return WrittenItem(line)
    owner, _, rest = line.partition(PART.strip())
    due, bar, text = rest.partition(PART.strip())
    if not bar or not text.strip():
        return None
    return WrittenItem(text.strip(), _known(owner), _known(due))


def _known(value: str) -> str | None:
    plain = value.strip()
    return None if plain in ("", UNKNOWN) else plain
