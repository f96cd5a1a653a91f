"""Who does what an item says, and which tasks of several people stand in one item."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from schema.core.sentences import split_sentences
from schema.core.wire import ENGLISH
from workers.summarize.checking.cues import speaks_of_self
from workers.summarize.detection.clause_chooser import WeighedClause
from workers.summarize.text.disfluency import plainly
from workers.summarize.text.segment import SpokenSegment

_LEAST_VOTE, _ADDRESSED, _ANSWERS = 0.05, 1.0, 0.3
"""What a clause weighs at least in the vote on an owner, and the weights of who is addressed and who speaks next."""
_PROMISE = re.compile(
    r"^(?:I(?:'ll|’ll| will|(?:'m|’m| am) (?:going to|gonna))|let me) (?:(?:also|then|just) )?(\w)", re.I
)
_OFFER = re.compile(r"^I can (?!only\b)", re.I)
_COMMITTED = 0.35
"""In other languages than English, who speaks of himself commits himself with this probability of acting."""
_OWN_WORTH, _REST_WORTH = 0.05, 0.15
"""The shares of an item that a clause must say to be a task of its own, and the others to be one beside it. All three
were chosen on development meetings.
"""
Task = tuple[str | None, list[WeighedClause]]


def owner_of(weighed: Sequence[WeighedClause], window: Sequence[SpokenSegment], people: Collection[str]) -> str | None:
    """Who does what an item says: a speaker of its clauses, or one of *people* who is addressed, or who answers.

    None if no speaker and no name is known.
    """
    votes: dict[str, float] = defaultdict(float)
    for each in weighed:
        line = each.clause.line
        worth, speaker, text = each.worth + _LEAST_VOTE, window[line].speaker, each.clause.text
        others = [name for name in people if name != speaker]
        owned = 0.0 if any(is_subject(name, text) for name in others) else each.owned
        if speaker:
            votes[speaker] += owned * worth
        for name in others:
            if is_subject(name, text) or is_addressed(name, text):
                votes[name] += _ADDRESSED * (1 - owned) * worth
        answers = window[line + 1].speaker if line + 1 < len(window) else None
        if speaker and answers and answers != speaker:
            votes[answers] += _ANSWERS * (1 - owned) * worth
    return max(votes, key=lambda name: votes[name], default=None)


def is_addressed(name: str, text: str) -> bool:
    """Whether *name* stands apart in *text*, as in `Tom, can you ...`, `Can you, Tom?` or `Tom: the numbers`."""
    return re.search(rf"(?:^|[,.!?:]\s*){re.escape(name)}\s*(?:[,:?!.]|$)", text) is not None


def is_subject(name: str, text: str) -> bool:
    """Whether *text* begins with *name* and a verb, as in `Tom will ask` or `Tom fragt`."""
    return re.match(rf"{re.escape(name)} [^\W\d_A-Z]", text) is not None


def tasks_of(
    chosen: Sequence[WeighedClause], owner: str | None, window: Sequence[SpokenSegment], language: str
) -> list[Task]:
    """The tasks in *chosen*, each with its owner: that of *owner*, and what other speakers say that they will do."""
    others: dict[str, list[WeighedClause]] = defaultdict(list)
    rest: list[WeighedClause] = []
    for each in chosen:
        speaker = window[each.clause.line].speaker
        if speaker and speaker != owner and each.worth >= _OWN_WORTH and _commits(each, language):
            others[speaker].append(each)
        else:
            rest.append(each)
    if not others:
        return [(owner, list(chosen))]
    stays = sum(each.worth for each in rest) >= _REST_WORTH
    return [*([(owner, rest)] if stays else []), *others.items()]


def _commits(each: WeighedClause, language: str) -> bool:
    """Whether the speaker of *each* says that he will do something."""
    text = each.clause.text
    if language == ENGLISH:
        plain = plainly(text, language)
        return bool(_PROMISE.match(plain) or _OFFER.match(plain))
    return each.owned >= _COMMITTED and speaks_of_self(text, language)


def as_task(text: str) -> str:
    """English *text* with its promises as tasks: `I'll ring the priest.` becomes `Ring the priest.`"""
    return " ".join(_PROMISE.sub(lambda found: found[1].upper(), sentence) for sentence in split_sentences(text))
