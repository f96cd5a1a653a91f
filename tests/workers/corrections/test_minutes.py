"""New minutes keep the corrections of earlier minutes."""

from __future__ import annotations

from schema.corrections.sentences import SentenceCorrection
from schema.minutes.minutes import Action, Chapter, Minutes, MinutesPart, Sentence, named
from tests.workers.summarize.conftest import meeting
from workers.corrections.minutes import with_corrections

SEGMENTS = meeting(
    "Anna: We agreed to move the launch of the new boiler to Monday.",
    "Ben: I will send the invoices to Northwind.",
    "Clara: The price of copper screws rose again this spring.",
)
WRITTEN = "They agreed to move the lunch to Monday."
MEANT = "They agreed to move the launch to Monday."
SPAN = (SEGMENTS[0].first_sample, SEGMENTS[-1].end_sample)


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


def test_a_correction_replaces_its_sentence_everywhere_and_its_support_is_computed() -> None:
    corrected = with_corrections(minutes(), [correction()], SEGMENTS, "en")
    for sentence in (corrected.overview[0], corrected.chapters[0].sentences[0], corrected.decisions[0]):
        assert (sentence.text, sentence.version, sentence.corrected) == (MEANT, 2, True)
        assert (sentence.evidence, sentence.supported) == ((1,), True)
    assert corrected.chapters[0].sentences[1].text == "Copper screws cost more."
    assert not corrected.chapters[0].sentences[1].corrected


def test_a_reworded_sentence_is_found_by_its_evidence_and_topic() -> None:
    corrected = with_corrections(minutes("The lunch moves to Monday, they agreed."), [correction()], SEGMENTS, "en")
    assert [sentence.text for sentence in corrected.decisions] == [MEANT]
    assert corrected.decisions[0].id == correction().sentence_id
    assert WRITTEN not in str(corrected)


def test_a_corrected_sentence_without_a_counterpart_is_put_back() -> None:
    elsewhere = minutes("Copper is dear.")
    corrected = with_corrections(elsewhere, [correction()], SEGMENTS, "en")
    assert [sentence.text for sentence in corrected.decisions] == ["Copper is dear.", MEANT]
    assert corrected.decisions[1].supported
    in_chapter = with_corrections(elsewhere, [correction(part=MinutesPart.CHAPTER)], SEGMENTS, "en")
    assert in_chapter.chapters[0].sentences[-1].text == MEANT
    from_nowhere = with_corrections(elsewhere, [correction(part=MinutesPart.CHAPTER, evidence=(99,))], SEGMENTS, "en")
    assert from_nowhere.overview[-1].text == MEANT


def test_an_action_keeps_its_corrected_owner() -> None:
    task = Action("Sends the invoices to Northwind", "Ben", None, (2,), 0.8, True)
    mine = correction(
        task.text, task.text, part=MinutesPart.ACTION, evidence=(2,), owner="Clara", original_owner="Ben"
    )  # fmt: skip
    for actions in ((task,), ()):
        (action,) = with_corrections(minutes(actions=actions), [mine], SEGMENTS, "en").actions
        assert (action.text, action.owner, action.corrected, action.supported) == (task.text, "Clara", True, True)


def test_a_correction_that_nobody_said_is_unsupported_and_one_said_elsewhere_cites_that() -> None:
    invented = with_corrections(minutes(), [correction("The budget of 900 euros was approved.")], SEGMENTS, "en")
    assert (invented.decisions[0].corrected, invented.decisions[0].supported) == (True, False)
    moved = with_corrections(minutes(), [correction("The price of copper screws rose.")], SEGMENTS, "en")
    assert (moved.decisions[0].evidence, moved.decisions[0].supported) == ((3,), True)


def test_a_sentence_corrected_to_empty_text_stays_empty() -> None:
    corrected = with_corrections(minutes(), [correction("")], SEGMENTS, "en")
    assert (corrected.decisions[0].text, corrected.decisions[0].supported) == ("", False)
    gone = with_corrections(minutes("Copper is dear."), [correction("")], SEGMENTS, "en")
    assert len(gone.decisions) == 1


def test_an_undone_correction_leaves_the_sentence_as_written_with_its_version() -> None:
    corrected = with_corrections(minutes(), [correction(WRITTEN)], SEGMENTS, "en")
    assert corrected.decisions[0] == Sentence(WRITTEN, (1,), 0.7, True, correction().sentence_id, 2)
    assert len(with_corrections(minutes("Copper is dear."), [correction(WRITTEN)], SEGMENTS, "en").decisions) == 1
