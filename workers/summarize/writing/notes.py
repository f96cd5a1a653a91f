"""Writes the note of one window: its main points, decisions and actions, each with its evidence.

Evidence comes first. Rules pick sentences of the transcript. A model may only rewrite them, and each rewritten sentence
is checked against its original. If the check fails, the original stays. A model that was trained to write notes writes
its own sentences, of which only the supported ones stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from schema.core.wire import ENGLISH
from schema.core.words import count_words
from schema.meetings.minutes import Action, Sentence
from workers.summarize.checking.evidence import Evidence
from workers.summarize.checking.guard import clean, echoes, is_clean, keeps_meaning
from workers.summarize.text.disfluency import told
from workers.summarize.text.salience import keywords, pick
from workers.summarize.text.segment import SpokenSegment, Statement, statements
from workers.summarize.text.stems import content_stems
from workers.summarize.text.stop_words import STOP_WORDS
from workers.summarize.writing.actions import ActionItem, find_action_items
from workers.summarize.writing.decisions import decision_text, find_decisions
from workers.summarize.writing.generator import Generator
from workers.summarize.writing.merge import merge_actions, merge_decisions, merge_sentences
from workers.summarize.writing.model_notes import SupportedNote, summarise
from workers.summarize.writing.people import find_people
from workers.summarize.writing.prompts import GLUE, REWRITE, TITLE, rewrite_prompt, title_prompt

WORDS_PER_SENTENCE = 80
SENTENCES_LIMIT = 5
REWRITE_TOKENS = 32
TITLE_TOKENS = 8
TITLE_WORDS = 6


@dataclass(frozen=True, slots=True)
class NoteBody:
    """The note of one window, or of several merged notes. It reaches from its first to its last segment."""

    first_sample: int
    end_sample: int
    title: str
    sentences: tuple[Sentence, ...] = ()
    decisions: tuple[Sentence, ...] = ()
    actions: tuple[Action, ...] = ()
    level: int = 0


NOTE: TypeAdapter[NoteBody] = TypeAdapter(NoteBody)
"""Converts a note to a table's body, `NOTE.dump_python(note, mode="json")`, and back, `NOTE.validate_python(body)`."""


def note_of(
    window: Sequence[SpokenSegment], model: Generator | None, earlier: Iterable[NoteBody], *, language: str
) -> NoteBody:
    """The note of the next window of a meeting. Owners of actions in *earlier* notes are known to be people."""
    people = {action.owner for note in earlier for action in note.actions if action.owner}
    return write_note(window, model, language=language, people=people)


def write_note(
    window: Sequence[SpokenSegment], model: Generator | None, *, language: str, people: Collection[str] = ()
) -> NoteBody:
    """The note of *window*, which must not be empty. *people* are names that are known already.

    *language* is the meeting's. Without a model the note quotes what was said.
    """
    said = statements(window)
    evidence = Evidence(window, language)
    english = language == ENGLISH
    known = find_people(said) | frozenset(people)
    tasks = find_action_items(said, known) if english else []
    decided = find_decisions(said) if english else []
    taken = {at for task in tasks for at in task.said_in} | set(decided)
    # The examples that a decoder-only model follows are English.
    follower = model if english and model is not None and model.continues else None
    summary = _summary(said, evidence, model, known)
    sentences = summary.sentences or summary.decisions or _points(_salient(said, taken, language), evidence, follower)
    decisions = merge_decisions([*(_decision(said[at], evidence) for at in decided), *summary.decisions], language)
    return NoteBody(
        first_sample=min(segment.first_sample for segment in window),
        end_sample=max(segment.end_sample for segment in window),
        title=_title([s.text for s in said], [s.text for s in (*sentences, *decisions)], follower, language),
        sentences=sentences,
        decisions=decisions,
        actions=merge_actions([*(_action(task, said, evidence) for task in tasks), *summary.actions], language),
    )


def _decision(statement: Statement, evidence: Evidence) -> Sentence:
    return evidence.check(decision_text(statement), statement.segments)


def _action(task: ActionItem, said: Sequence[Statement], evidence: Evidence) -> Action:
    ids = tuple(dict.fromkeys(key for at in task.said_in for key in said[at].segments))
    checked = evidence.check(_without_owner(task), ids)
    return Action(task.text, task.owner, task.due, ids, checked.support, checked.supported)


def _without_owner(task: ActionItem) -> str:
    """The text to check. On a single track the owner is often named a sentence earlier, so the name is left out."""
    return task.text.removeprefix(f"{task.owner} ") if task.owner else task.text


def _salient(said: Sequence[Statement], taken: Collection[int], language: str) -> list[Statement]:
    """The most salient statements, except those *taken*, which the note has elsewhere."""
    free = [statement for at, statement in enumerate(said) if at not in taken]
    total = sum(count_words(statement.text) for statement in said)
    count = min(max(2, total // WORDS_PER_SENTENCE), SENTENCES_LIMIT)
    return [free[at] for at in pick([statement.text for statement in free], count, language)]


def _summary(
    said: Sequence[Statement], evidence: Evidence, model: Generator | None, people: Collection[str]
) -> SupportedNote:
    """The note of a model that was trained to write notes; empty if the model or its language does not fit."""
    asked = None if model is None else model.asked
    if model is None or asked is None or asked.language not in (None, evidence.language):
        return SupportedNote()
    return summarise(said, evidence, model, asked, people)


def _points(chosen: Sequence[Statement], evidence: Evidence, follower: Generator | None) -> tuple[Sentence, ...]:
    """The chosen statements as minutes state them. In English, *follower* may rewrite them by its examples."""
    return _rewritten(chosen, evidence, follower) if evidence.language == ENGLISH else _quoted(chosen, evidence)


def _quoted(chosen: Sequence[Statement], evidence: Evidence) -> tuple[Sentence, ...]:
    told = (evidence.check(statement.text, statement.segments) for statement in chosen)
    return merge_sentences(told, evidence.language)


def _rewritten(chosen: Sequence[Statement], evidence: Evidence, model: Generator | None) -> tuple[Sentence, ...]:
    drafts = [""] * len(chosen) if model is None or model.asked is not None else _drafts(chosen, model)
    sentences = (_rewritten_or_quoted(*pair, evidence) for pair in zip(chosen, drafts, strict=True))
    return merge_sentences(sentences, evidence.language)


def _drafts(chosen: Sequence[Statement], model: Generator) -> list[str]:
    allowed = " ".join([GLUE, *(f"{statement.speaker or ''} {statement.text}" for statement in chosen)])
    prompts = [rewrite_prompt(statement) for statement in chosen]
    return model.generate(prompts, REWRITE_TOKENS, prefix=REWRITE, only=allowed)


def _rewritten_or_quoted(statement: Statement, draft: str, evidence: Evidence) -> Sentence:
    """*draft* if it passes every check, else the statement as it was said."""
    text = clean(draft)
    if text is not None and not echoes(text, REWRITE, statement.text):
        checked = evidence.check(text, statement.segments)
        if checked.supported and keeps_meaning(text, statement.text, statement.speaker):
            return checked
    return evidence.check(told(statement), statement.segments)


def _title(said: Sequence[str], sentences: Sequence[str], model: Generator | None, language: str) -> str:
    """The model's title if all its words were said and one is a keyword, else the keywords."""
    weighty = keywords(said, 3, language)
    plain = ", ".join(weighty).capitalize()
    if model is None or not sentences:
        return plain
    with model.bare():
        [draft] = model.generate(
            [title_prompt(list(sentences))], TITLE_TOKENS, prefix=TITLE, only=" ".join([GLUE, *said])
        )
    return _checked_title(draft, said, weighty) or plain


def _checked_title(draft: str, said: Sequence[str], weighty: Sequence[str]) -> str | None:
    title = " ".join(draft.split()).rstrip(".,;:")
    if not is_clean(title) or count_words(title) > TITLE_WORDS or title.split()[-1].lower() in STOP_WORDS:
        return None
    stems, told, known = (set(content_stems(text, ENGLISH)) for text in (draft, " ".join(weighty), " ".join(said)))
    if not stems & told or not stems <= known:
        return None
    return f"{title[0].upper()}{title[1:]}"
