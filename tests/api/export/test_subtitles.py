"""Subtitles: who speaks, how long a cue stays, and what other programs read from the files."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import av
from rich.cells import cell_len

from api.export.documents import Export
from api.export.subtitles import LINE_CELLS, LINES, Cue, cues_of, to_srt, to_vtt
from schema.meetings.wire import SegmentOut
from tests.api.export.test_documents import EXPORT, meeting, segment

LONG_NAME = "Dr. Maria Fernanda de la Cruz y Bustamante, chair of the committee"
TALK = [
    segment(1, "Shall we begin with the budget of the second quarter then?", 0, 4, "Leo"),
    segment(2, "Yes.", 4.1, 4.4, LONG_NAME),
    segment(3, "We spent a little more than we planned, mostly on the new machines.", 4.5, 8.5, LONG_NAME),
    segment(4, "这个会议的目的是讨论新的产品计划和时间表以及所有人的任务分配还有其他的问题", 9, 16, "王"),
    segment(5, "Good.", 20, 20.2, "Leo"),
]
SRT = """\
1
00:00:00,500 --> 00:00:03,500
Leo: We move the ‹launch› to Monday.

2
00:01:05,000 --> 00:01:08,000
Priya: Priya reviews the fix on Thursday.

3
00:01:08,000 --> 00:01:12,000
Audio: 12.0 s received: 9.5 s transcribed,
2.0 s silent, 0.5 s failed
"""
VTT = """\
WEBVTT

NOTE 12.0 s received: 9.5 s transcribed, 2.0 s silent, 0.5 s failed

00:00:00.500 --> 00:00:03.500
<v Leo>We move the &lt;launch&gt; to Monday.

00:01:05.000 --> 00:01:08.000
<v Priya>Priya reviews the fix on Thursday.
"""


def export(*segments: SegmentOut) -> Export:
    return Export(meeting=meeting(), minutes=None, segments=list(segments))


def plain(cue: Cue) -> str:
    return " ".join(cue.lines)


def read_by_ffmpeg(document: str, form: str) -> list[tuple[float, float, str]]:
    """Start, end and text of each cue, with styles but without other tags, as FFmpeg's own parser reads them."""
    cues = []
    with av.open(io.BytesIO(document.encode()), mode="r", format=form) as container:
        for packet in container.demux():
            if not packet.size or packet.pts is None or packet.duration is None or packet.time_base is None:
                continue
            start_s = float(packet.pts * packet.time_base)
            texts = [rect.dialogue.decode() for rect in packet.decode() if hasattr(rect, "dialogue")]
            cues.append((start_s, start_s + float(packet.duration * packet.time_base), "".join(texts)))
    return cues


def test_the_srt_export_is_exactly_as_expected() -> None:
    assert to_srt(EXPORT) == SRT


def test_the_vtt_export_is_exactly_as_expected() -> None:
    assert to_vtt(EXPORT) == VTT


def test_every_cue_has_at_most_two_lines_that_fit_also_with_long_names_and_wide_characters() -> None:
    for names_in_text in (True, False):
        cues = cues_of(TALK, names_in_text=names_in_text)
        assert all(1 <= len(cue.lines) <= LINES for cue in cues)
        assert all(cell_len(line) <= LINE_CELLS for cue in cues for line in cue.lines)


def test_all_words_are_shown_once_and_in_order() -> None:
    shown = "".join("".join(plain(cue).split()) for cue in cues_of(TALK, names_in_text=False))
    assert shown == "".join("".join(each.text.split()) for each in TALK)


def test_cues_last_from_one_to_seven_seconds_and_do_not_overlap() -> None:
    cues = cues_of(TALK, names_in_text=True)
    assert all(1.0 - 1e-9 <= cue.end_s - cue.start_s <= 7.0 + 1e-9 for cue in cues)
    assert all(one.end_s <= other.start_s + 1e-9 for one, other in pairwise(cues))


def test_a_short_sentence_shares_a_cue_with_its_neighbour() -> None:
    assert plain(cues_of(TALK, names_in_text=False)[1]).startswith("Yes. We spent")


def test_the_last_words_of_a_sentence_do_not_stand_alone() -> None:
    text = " ".join(f"word{number}" for number in range(14))
    first, second, _ = cues_of([segment(1, text, 0, 5), segment(2, text[:50], 9, 12)], names_in_text=True)
    assert len(plain(second).split()) >= 5
    assert first.end_s == second.start_s


def test_a_cue_stays_until_it_can_be_read_if_nobody_else_speaks() -> None:
    sentence = "This sentence was said far too fast to be read by anybody."
    (alone,) = cues_of([segment(1, sentence, 0, 1)], names_in_text=True)
    assert alone.end_s == sum(map(len, alone.lines)) / 20
    first, _ = cues_of([segment(1, sentence, 0, 1.6), segment(2, sentence, 2, 3.6)], names_in_text=True)
    assert first.end_s == 2


def test_people_who_speak_at_once_have_cues_at_once_and_each_is_named() -> None:
    at_once = [
        segment(1, " ".join(["word"] * 30), 0, 12, "Leo"),
        segment(2, "I think that this is wrong.", 3, 5, "Priya"),
    ]
    cues = cues_of(at_once, names_in_text=True)
    assert [cue.lines[0].split(":")[0] for cue in cues] == ["Leo", "Priya", "Leo"]
    assert cues[1].start_s < cues[0].end_s


def test_the_speaker_is_named_where_the_speaker_changes() -> None:
    turns = [
        segment(at, f"Sentence number {at} is this one.", 2 * at, 2 * at + 2, name) for at, name in enumerate("ABBA")
    ]
    assert [plain(cue).split(" ")[0] for cue in cues_of(turns, names_in_text=True)] == ["A:", "B:", "Sentence", "A:"]


def test_a_cue_beside_one_of_somebody_else_is_named_again() -> None:
    turns = [
        segment(1, "The support team is complete on Monday.", 0, 4, "A"),
        segment(2, "All of them failed.", 1, 3, "B"),
        segment(3, "The bank changed the format.", 3.5, 5, "B"),
    ]
    assert [plain(cue).split(" ")[0] for cue in cues_of(turns, names_in_text=True)] == ["A:", "B:", "B:"]


def test_one_speaker_alone_is_named_once() -> None:
    alone = [segment(1, "The one and only.", 0, 2, "Leo"), segment(2, "And that for long.", 4, 6, "Leo")]
    assert [plain(cue) for cue in cues_of(alone, names_in_text=True)] == [
        "Leo: The one and only.",
        "And that for long.",
    ]


def test_words_of_nobody_after_those_of_somebody_begin_with_a_dash() -> None:
    talk = [
        segment(1, "Who is there?", 0, 2),
        segment(2, "I move the launch.", 3, 5, "Priya"),
        segment(3, "I would rather wait until the budget is settled for good.", 6, 9),
        segment(4, "Nobody has asked for it, as far as I know today at least.", 10, 13),
        segment(5, "Right.", 15, 17, "Priya"),
    ]
    talk = [each.model_copy(update={"track": "main"}) for each in talk]
    named = [cue.lines for cue in cues_of(talk, names_in_text=True)]
    assert named == [
        ("Who is there?",),
        ("Priya: I move the launch.",),
        ("- I would rather wait until the budget is", "settled for good."),
        ("Nobody has asked for it, as far as I know", "today at least."),
        ("Priya: Right.",),
    ]
    assert not any(cue.lines[0].startswith("- ") for cue in cues_of(talk, names_in_text=False))


def test_a_transcript_without_names_has_no_dashes() -> None:
    text = "We move the launch to the first of Monday."
    assert [cue.lines for cue in cues_of([segment(1, text, 0, 3)], names_in_text=True)] == [(text,)]


def test_a_track_without_a_name_of_its_speaker_gives_its_own_name_beside_others() -> None:
    tracks = [segment(1, "Who is there?", 0, 2), segment(2, "It is me.", 2, 4)]
    tracks[1].track = "phone"
    assert [plain(cue) for cue in cues_of(tracks, names_in_text=True)] == ["main: Who is there?", "phone: It is me."]


def test_a_cue_ends_at_a_pause() -> None:
    one, other = segment(1, "Wait", 0, 1), segment(2, "here", 3, 4)
    joined = one.model_copy(update={"end_s": 4.0, "words": [*one.words, *other.words]})
    assert [(cue.start_s, cue.end_s, cue.lines) for cue in cues_of([joined], names_in_text=False)] == [
        (0.0, 1.0, ("Wait",)),
        (3.0, 4.0, ("here",)),
    ]


def test_a_word_longer_than_a_line_is_cut() -> None:
    cues = cues_of([segment(1, "o" * 130, 0, 4)], names_in_text=False)
    assert "".join(line for cue in cues for line in cue.lines) == "o" * 130
    assert all(len(line) <= LINE_CELLS for cue in cues for line in cue.lines)


def test_a_segment_without_words_is_cut_by_its_text() -> None:
    bare = segment(1, " ".join(["word"] * 40), 0, 10).model_copy(update={"words": []})
    cues = cues_of([bare], names_in_text=False)
    assert len(cues) > 1
    assert " ".join(map(plain, cues)) == bare.text


def test_a_segment_whose_text_was_removed_has_no_cue() -> None:
    assert cues_of([segment(1, "x", 0, 2).model_copy(update={"text": "", "words": []})], names_in_text=True) == []


def test_ffmpeg_reads_the_words_back_from_srt() -> None:
    spoken = segment(1, "Write <b> & </i> --> or {\\an8} here.", 1, 5)
    (start_s, end_s, text), *note = read_by_ffmpeg(to_srt(export(spoken)), "srt")
    assert (start_s, end_s) == (1.0, 5.0)
    assert text.endswith("Write ‹b› & ‹/i› --› or (\\an8} here.")
    assert "received" in note[0][2]


def test_ffmpeg_reads_the_words_back_from_webvtt() -> None:
    spoken = segment(1, "Write <b> & --> here.", 1, 5, "A <b> & C")
    document = to_vtt(export(spoken))
    assert "<v A &lt;b&gt; &amp; C>Write &lt;b&gt; &amp; --&gt; here.\n" in document
    ((start_s, end_s, text),) = read_by_ffmpeg(document, "webvtt")
    assert (start_s, end_s) == (1.0, 5.0)
    assert re.sub(r"^.*,", "", text) == "Write <b> & --> here."
