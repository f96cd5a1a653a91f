"""Minutes that are written anew keep what people corrected in those before."""

from __future__ import annotations

from schema.corrections.sentences import SentenceCorrection
from schema.meetings.minutes import Action, Chapter, Minutes, MinutesPart, Sentence, named
from tests.workers.summarize.conftest import meeting
from workers.corrections.minutes import with_corrections

SAID = meeting(
    "Anna: We agreed to move the launch of the new boiler to Monday.",
    "Ben: I will send the invoices to Northwind.",
    "Clara: The price of copper screws rose again this spring.",
)
WRITTEN = "They agreed to move the lunch to Monday."
MEANT = "They agreed to move the launch to Monday."
SPAN = (SAID[0].first_sample, SAID[-1].end_sample)


def minutes(decision: str = WRITTEN, *, actions: tuple[Action, ...] = ()) -> Minutes:
    sentence = Sentence(decision, (1,), 0.7, True)
    about = Sentence("Copper screws cost more.", (3,), 0.6, True)
    return Minutes(
        overview=(sentence,), chapters=(Chapter("Launch", *SPAN, (sentence, about)),), decisions=(sentence,),
        actions=actions,
    )  # fmt: skip


def correction(
    text: str = MEANT, original: str = WRITTEN, *, part: MinutesPart = MinutesPart.DECISION,
    evidence: tuple[int, ...] = (1,),
    owner: str | None = None, original_owner: str | None = None,
) -> SentenceCorrection:  # fmt: skip
    key = named(Minutes(overview=(Sentence(original),))).overview[0].id
    return SentenceCorrection(
        sentence_id=key, version=2, part=part, evidence=list(evidence), original_text=original, text=text,
        owner=owner, original_owner=original_owner,
    )  # fmt: skip


def test_a_correction_stands_wherever_its_sentence_is_written_again_and_its_support_is_computed() -> None:
    made = with_corrections(minutes(), [correction()], SAID)
    for sentence in (made.overview[0], made.chapters[0].sentences[0], made.decisions[0]):
        assert (sentence.text, sentence.version, sentence.corrected) == (MEANT, 2, True)
        assert (sentence.evidence, sentence.supported) == ((1,), True)
    assert made.chapters[0].sentences[1].text == "Copper screws cost more."
    assert not made.chapters[0].sentences[1].corrected


def test_what_is_worded_differently_now_is_found_by_what_it_rests_on_and_is_about() -> None:
    made = with_corrections(minutes("The lunch moves to Monday, they agreed."), [correction()], SAID)
    assert [sentence.text for sentence in made.decisions] == [MEANT]
    assert made.decisions[0].id == correction().sentence_id
    assert WRITTEN not in str(made)


def test_what_has_no_place_any_more_is_put_back_where_it_stood() -> None:
    elsewhere = minutes("Copper is dear.")
    made = with_corrections(elsewhere, [correction()], SAID)
    assert [sentence.text for sentence in made.decisions] == ["Copper is dear.", MEANT]
    assert made.decisions[1].supported
    in_chapter = with_corrections(elsewhere, [correction(part=MinutesPart.CHAPTER)], SAID)
    assert in_chapter.chapters[0].sentences[-1].text == MEANT
    from_nowhere = with_corrections(elsewhere, [correction(part=MinutesPart.CHAPTER, evidence=(99,))], SAID)
    assert from_nowhere.overview[-1].text == MEANT


def test_an_action_keeps_the_owner_it_was_given() -> None:
    task = Action("Sends the invoices to Northwind", "Ben", None, (2,), 0.8, True)
    mine = correction(
        task.text, task.text, part=MinutesPart.ACTION, evidence=(2,), owner="Clara", original_owner="Ben"
    )  # fmt: skip
    for actions in ((task,), ()):
        (action,) = with_corrections(minutes(actions=actions), [mine], SAID).actions
        assert (action.text, action.owner, action.corrected, action.supported) == (task.text, "Clara", True, True)


def test_words_that_nobody_said_are_marked_and_words_said_elsewhere_rest_on_that() -> None:
    invented = with_corrections(minutes(), [correction("The budget of 900 euros was approved.")], SAID)
    assert (invented.decisions[0].corrected, invented.decisions[0].supported) == (True, False)
    moved = with_corrections(minutes(), [correction("The price of copper screws rose.")], SAID)
    assert (moved.decisions[0].evidence, moved.decisions[0].supported) == ((3,), True)


def test_what_was_taken_out_stays_out() -> None:
    made = with_corrections(minutes(), [correction("")], SAID)
    assert (made.decisions[0].text, made.decisions[0].supported) == ("", False)
    gone = with_corrections(minutes("Copper is dear."), [correction("")], SAID)
    assert len(gone.decisions) == 1


def test_what_was_taken_back_is_as_written_and_keeps_its_number() -> None:
    made = with_corrections(minutes(), [correction(WRITTEN)], SAID)
    assert made.decisions[0] == Sentence(WRITTEN, (1,), 0.7, True, correction().sentence_id, 2)
    assert len(with_corrections(minutes("Copper is dear."), [correction(WRITTEN)], SAID).decisions) == 1
