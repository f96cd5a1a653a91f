"""Which words belong to which item, in whatever order words and commits arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.openai.items import CommittedWord, RealtimeItems

WORD_SAMPLES = 1000


def word(number: int) -> CommittedWord:
    return CommittedWord(f" w{number}", number * WORD_SAMPLES + WORD_SAMPLES // 2)


def test_words_are_held_back_until_their_item_is_announced() -> None:
    items = RealtimeItems()
    assert items.add_words([word(0)]) == []
    assert [delta.text for delta in items.announce()] == ["w0"]
    assert [delta.text for delta in items.add_words([word(1)])] == [" w1"]


def test_a_word_belongs_to_the_item_in_which_its_middle_lies() -> None:
    items = RealtimeItems()
    first, _ = items.commit(3 * WORD_SAMPLES, 3 * WORD_SAMPLES)
    second, _ = items.commit(5 * WORD_SAMPLES, 5 * WORD_SAMPLES)
    items.add_words([word(number) for number in range(5)])
    assert (first.text, second.text) == ("w0 w1 w2", "w3 w4")


def test_an_item_is_complete_once_the_track_is_committed_past_its_end() -> None:
    items = RealtimeItems()
    item, _ = items.commit(3 * WORD_SAMPLES, 2 * WORD_SAMPLES)
    assert items.complete(2 * WORD_SAMPLES - 1) is None
    assert items.complete(2 * WORD_SAMPLES) is item
    assert items.complete(9 * WORD_SAMPLES) is None


def test_cleared_words_are_in_no_item() -> None:
    items = RealtimeItems()
    items.clear(2 * WORD_SAMPLES)
    kept, _ = items.commit(4 * WORD_SAMPLES, 4 * WORD_SAMPLES)
    deltas = items.add_words([word(number) for number in range(4)])
    assert [delta.text for delta in deltas] == ["w2", " w3"]
    assert kept.text == "w2 w3"


def test_a_word_that_arrives_after_its_item_was_completed_goes_to_the_next_item() -> None:
    items = RealtimeItems()
    items.commit(2 * WORD_SAMPLES, WORD_SAMPLES)
    items.add_words([word(0)])
    assert items.complete(WORD_SAMPLES) is not None
    items.add_words([word(1)])
    later, _ = items.commit(4 * WORD_SAMPLES, 4 * WORD_SAMPLES)
    assert later.text == "w1"


@given(st.lists(st.sampled_from(["word", "announce", "commit", "complete"]), max_size=60))
def test_every_word_is_sent_once_and_in_order(steps: list[str]) -> None:
    items, said = RealtimeItems(), 0
    texts: dict[str, str] = {}
    for step in [*steps, "commit"]:
        position = said * WORD_SAMPLES
        if step == "word":
            deltas = items.add_words([word(said)])
            said += 1
        elif step == "announce":
            deltas = items.announce()
        elif step == "commit":
            item, deltas = items.commit(position, position)
            texts.setdefault(item.id, "")
        else:
            items.complete(position)
            deltas = []
        for delta in deltas:
            texts[delta.item_id] = texts.get(delta.item_id, "") + delta.text
    sent = " ".join(filter(None, texts.values()))
    assert sent.split() == [f"w{number}" for number in range(said)]
