"""Finds action items by their English phrases: promises, accepted requests, and tasks given by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schema.core.sentences import SENTENCE_ENDS, is_question
from schema.core.wire import ENGLISH
from schema.core.words import count_words
from workers.summarize.text.disfluency import fluent, without_lead_in
from workers.summarize.text.due import find_due
from workers.summarize.text.segment import Statement
from workers.summarize.text.stems import content_stems
from workers.summarize.writing.people import addressed

RECAP = re.compile(r"\b(?:to sum up|in summary|to recap|to summari[sz]e|action (?:items|points)|so we have)\b", re.I)
_I_WILL = re.compile(
    r"\bI(?:'ll|’ll|\s+will|(?:'m|’m|\s+am)\s+(?:going to|gonna)|(?:\s+also)?\s+(?:need|have) to|\s+promise to)\s+"
    r"(?:(?:also|then|just|probably|maybe|still|definitely)\s+)*(?P<vp>.+)",
)
_LET_ME = re.compile(r"^(?:let me|I can)\s+(?P<vp>.+)", re.I)
_REQUEST = re.compile(
    r"\b(?:can|could|would|will)\s+you\s+(?:please\s+|maybe\s+|perhaps\s+|also\s+|just\s+|then\s+)*(?P<vp>[^?]+)\?",
    re.I,
)
_PLEASE = re.compile(r"(?:^|,\s+)please\s+(?P<vp>[a-z].+)", re.I)
_WE_MUST = re.compile(r"\bwe\s+(?:(?:still|also)\s+)?(?:need to|have to|must|should)\s+(?P<vp>.+)", re.I)
_ACCEPTED = re.compile(
    r"^(?:yes|yeah|yep|sure|ok|okay|of course|will do|no problem|fine|absolutely|certainly|gladly|right|good|"
    r"with pleasure|I\s+will|I'll|I’ll|I can|done|all right|alright|great|happy to)\b",
    re.I,
)
_REFUSED = re.compile(
    r"\b(?:can't|cannot|can’t|won't|won’t|sorry|not really|no time|don't think|rather not)\b|^no\b", re.I
)
_ONLY_ACCEPTS = re.compile(r"^(?:do|handle|take care of|see to|get on)\s+(?:it|that|this|so)\b", re.I)
_TALK = re.compile(
    r"^(?:be|have|say|see|hear|think|know|guess|agree|tell (?:you|me|us)|repeat|explain|imagine|show you|ask you|start|"
    r"begin|stop|go on|continue|do|say|mention|admit|add|read|talk|speak|remember|understand|let|give you|come back|"
    r"get (?:to|back to)|move on|never|not|pass|wait|skip|just say|try to explain|quickly|look like|"
    r"like|want|hand|draw|press|feel|mind|pass|they)\b",
    re.I,
)
_NO_TASK = frozenset(
    [
        "is",
        "has",
        "was",
        "does",
        "says",
        "thinks",
        "knows",
        "wants",
        "likes",
        "seems",
        "looks",
        "needs",
        "means",
        "gets",
        "goes",
        "feels",
        "comes",
    ]
)
_FROM_OUTSIDE = (
    (re.compile(r"\b(and|then|but)\s+I(?:\s+will|'ll|’ll)\b"), r"\1"),
    (re.compile(r"\bI(?:'m|’m| am)\b"), "they are"),
    (re.compile(r"\bI\b"), "they"),
    (re.compile(r"\bmyself\b"), "themselves"),
    (re.compile(r"\bmy\b"), "their"),
    (re.compile(r"\bme\b"), "them"),
)
_LONGEST_WORDS = 40
_BACK = 3
"""An answer comes at most this many statements after the question or task that it takes up."""


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A task: a sentence, its owner if known, and the indices of the statements that state it."""

    text: str
    owner: str | None
    due: str | None
    said_in: tuple[int, ...]


def find_action_items(said: Sequence[Statement], people: frozenset[str]) -> list[ActionItem]:
    """Tasks in the order of the meeting. An acceptance is merged into the request or assignment before it."""
    found: list[ActionItem] = []
    for at in range(len(said)):
        fresh = _tasks_in(said, at, people)
        for task in fresh:
            if found and _continues(found[-1], task, at):
                found[-1] = _joined(found[-1], task)
            else:
                found.append(task)
    return [task for task in found if _says_what(task)]


def _tasks_in(said: Sequence[Statement], at: int, people: frozenset[str]) -> list[ActionItem]:
    text = said[at].text
    assigned = _assigned(text, at, people)
    if assigned:
        return assigned
    task = _requested(said, at, people) or _promised(said, at, people) or _owed(said, at)
    return [task] if task is not None else []


def _assigned(text: str, at: int, people: frozenset[str]) -> list[ActionItem]:
    """`Tom fixes the parser by Wednesday and checks the backup tomorrow`, `Ada will ask the bank`."""
    if is_question(text):
        return []
    plain = without_lead_in(text)
    for name in sorted(people, key=len, reverse=True):
        start = re.search(rf"(?:^|[:;,]\s+|\band\s+){re.escape(name)}\s+", plain)
        if start is None:
            continue
        rest = plain[start.end() :]
        if re.match(r"(?:will|'ll|is going to|has to|needs to|should|must|takes care of)\s", rest):
            return [_task(f"{name} {rest}", name, at)] if not _TALK.match(rest.split(" ", 1)[1]) else []
        if _does(rest) and (find_due(rest) or RECAP.search(text)):
            return [_task(f"{name} {part}", name, at) for part in _conjuncts(rest)]
    return []


def _does(rest: str) -> bool:
    verb = rest.split(" ", 1)[0]
    return bool(re.fullmatch(r"[a-z]+(?<!s)s", verb)) and verb not in _NO_TASK


def _conjuncts(rest: str) -> list[str]:
    """Split `fixes it and checks that` into two tasks. A part without a verb in that form stays with the one before."""
    parts = re.split(r",?\s+and\s+(?:then\s+)?(?=[a-z]+(?<!s)s\s)", rest.rstrip(SENTENCE_ENDS))
    whole: list[str] = []
    for part in parts:
        if whole and not _does(part):
            whole[-1] = f"{whole[-1]} and {part}"
        else:
            whole.append(part)
    return whole


def _requested(said: Sequence[Statement], at: int, people: frozenset[str]) -> ActionItem | None:
    """`Priya, will you review it?` if the answer is yes; `Ada, please ask the bank` in any case."""
    text = said[at].text
    asked = _REQUEST.search(text) or _PLEASE.search(text)
    if asked is None or _TALK.match(asked["vp"]):
        return None
    answer = _answer(said, at)
    owner = addressed(text, people) or (said[answer].speaker if answer is not None else None)
    if answer is None and (asked.re is _REQUEST or owner is None):
        return None
    return _task(_sentence(owner, asked["vp"]), owner, at, *(() if answer is None else (answer,)))


def _answer(said: Sequence[Statement], at: int) -> int | None:
    """The index of the statement, one of the next two, that accepts the request in statement *at*; or None."""
    for later in range(at + 1, min(at + 3, len(said))):
        if said[at].speaker is not None and said[later].speaker == said[at].speaker:
            continue
        if _REFUSED.search(said[later].text):
            return None
        if _ACCEPTED.search(said[later].text):
            return later
    return None


def _promised(said: Sequence[Statement], at: int, people: frozenset[str]) -> ActionItem | None:
    """`I will call them on Friday`."""
    text = without_lead_in(said[at].text)
    match = _I_WILL.search(text)
    if match is None and (match := _LET_ME.match(text)) is not None and not find_due(match["vp"]):
        return None
    if match is None or is_question(text) or _is_hypothetical(text[: match.start()]):
        return None
    if _TALK.match(match["vp"]) and not _ONLY_ACCEPTS.match(match["vp"]):
        return None
    owner = said[at].speaker or _asked_before(said, at, people)
    return _task(_sentence(owner, match["vp"]), owner, at)


def _is_hypothetical(before: str) -> bool:
    return bool(re.search(r"\b(?:if|when|unless|think|hope|wish|said|whether|what|how|that)\s*$", before, re.I))


def _asked_before(said: Sequence[Statement], at: int, people: frozenset[str]) -> str | None:
    """The person addressed by name shortly before. If speakers are unknown, this person is taken to answer."""
    for earlier in range(at - 1, max(at - 1 - _BACK, -1), -1):
        name = addressed(said[earlier].text, people)
        if name is not None:
            return name
    return None


def _owed(said: Sequence[Statement], at: int) -> ActionItem | None:
    """`We have to order the paper by Friday`: nobody owns this yet, so it counts only with a date."""
    text = said[at].text
    match = _WE_MUST.search(text)
    if match is None or is_question(text) or not find_due(match["vp"]) or _TALK.match(match["vp"]):
        return None
    return _task(_sentence(None, match["vp"]), None, at)


def _sentence(owner: str | None, verb_phrase: str) -> str:
    """A sentence about *owner*, in which `I` and `my` become `they` and `their`."""
    plain = fluent(verb_phrase).rstrip(f"{SENTENCE_ENDS},; ")
    for spoken, written in _FROM_OUTSIDE:
        plain = spoken.sub(written, plain)
    return f"{owner} will {plain}" if owner else plain


def _task(text: str, owner: str | None, *said_in: int) -> ActionItem:
    plain = text.strip().rstrip(f"{SENTENCE_ENDS},;")
    return ActionItem(f"{plain[0].upper()}{plain[1:]}.", owner, find_due(plain), said_in)


def _continues(before: ActionItem, task: ActionItem, at: int) -> bool:
    """Whether *task* is the answer that accepts *before*.

    It is if *before* already counts its statement as the answer, or if it only says `I'll do it`.
    """
    near = at - before.said_in[-1] <= _BACK
    if before.said_in[0] == at:
        return False
    return at in before.said_in or (
        near and bool(_ONLY_ACCEPTS.match(_plain(task))) and _fits(before.owner, task.owner)
    )


def _says_what(task: ActionItem) -> bool:
    """Whether *task* makes sense by itself: it names two things, or one and a time, and is not too long."""
    plain = _plain(task)
    if _ONLY_ACCEPTS.match(plain) or count_words(plain) > _LONGEST_WORDS:
        return False
    known = content_stems(f"{task.owner or ''} {task.due or ''}", ENGLISH)
    return len(set(content_stems(plain, ENGLISH)) - set(known)) >= (1 if task.due else 2)


def _plain(task: ActionItem) -> str:
    return task.text.removeprefix(f"{task.owner} will ") if task.owner else task.text


def _fits(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _joined(before: ActionItem, answer: ActionItem) -> ActionItem:
    """The request *before* and its *answer* as one task, in the words of the answer if these say enough."""
    said_in = tuple(dict.fromkeys(before.said_in + answer.said_in))
    plain = _plain(answer)
    owner = before.owner or answer.owner
    if _ONLY_ACCEPTS.match(plain) or len(content_stems(plain, ENGLISH)) <= 1 < len(content_stems(before.text, ENGLISH)):
        return replace(before, owner=owner, due=before.due or answer.due, said_in=said_in)
    text = answer.text if answer.owner or not owner else f"{owner} will {plain[0].lower()}{plain[1:]}"
    return ActionItem(text, owner, answer.due or before.due, said_in)
