"""The comparison measures all systems alike and reads the messages of other systems as their own clients do."""

from __future__ import annotations

import base64
import gzip
from typing import NoReturn

import pytest

from api.client.resend import SendLog
from bench.peers.report import PeerRun, figures, table
from bench.peers.system import PeerStream, PeerSystem
from bench.peers.whisper_live import WhisperLiveTranscript
from bench.peers.whisper_live_kit import alignment_heads, committed_text
from bench.peers.words import CommittedText, SpokenWord, latencies_ms
from bench.speech import Speech
from schema.core.units import SAMPLE_RATE_HZ
from tests.models import FOLDER
from workers.asr.weights.source import resolve

SPOKEN = [SpokenWord("good", 0.3), SpokenWord("morning", 0.55), SpokenWord("everyone", 0.9)]
OPENAI_TINY_EN_HEADS = b"ABzY8J1N>@0{>%R00Bk>$p{7v037`oCl~+#00"
"""The alignment heads as openai/whisper packs them in its table."""


@pytest.fixture
def sent() -> SendLog:
    """One second of audio in chunks of 100 ms. The chunk that ends at t was sent at 100 + t."""
    log = SendLog()
    for number in range(1, 11):
        log.note(SAMPLE_RATE_HZ // 10 * number, 100 + number / 10)
    return log


def test_latency_counts_to_the_time_at_which_the_word_was_committed(sent: SendLog) -> None:
    committed = CommittedText()
    committed.take("Good", 101.0)
    committed.take("Good morning everyone", 102.0)
    assert latencies_ms(committed, SPOKEN, sent) == pytest.approx([700, 1400, 1100])


def test_later_punctuation_does_not_change_the_latency_of_a_word(sent: SendLog) -> None:
    committed = CommittedText()
    committed.take("good morning", 101.0)
    committed.take("Good morning, everyone.", 102.0)
    assert latencies_ms(committed, SPOKEN, sent) == pytest.approx([700, 400, 1100])


def test_a_changed_word_and_the_words_after_it_count_to_the_change(sent: SendLog) -> None:
    committed = CommittedText()
    committed.take("good mourning everyone", 101.0)
    committed.take("good morning everyone", 103.0)
    assert latencies_ms(committed, SPOKEN, sent) == pytest.approx([700, 2400, 2100])


def test_a_wrong_word_is_not_measured_and_does_not_shift_the_others(sent: SendLog) -> None:
    committed = CommittedText()
    committed.take("oh good evening everyone", 101.0)
    assert latencies_ms(committed, SPOKEN, sent) == pytest.approx([700, 100])


def test_completed_segments_of_whisper_live_are_kept_when_later_messages_drop_them() -> None:
    transcript = WhisperLiveTranscript()
    transcript.take([_segment("0.000", " One.", completed=True), _segment("1.000", " Two", completed=False)], 1.0)
    transcript.take([_segment("1.000", " Two.", completed=True), _segment("2.000", " Three", completed=False)], 2.0)
    transcript.take([_segment("1.000", " Two.", completed=True), _segment("2.000", " Three", completed=False)], 3.0)
    assert (transcript.text, transcript.last, transcript.last_at_s) == ("One. Two.", "Three", 2.0)


def test_only_the_lines_of_whisper_live_kit_count_as_committed() -> None:
    lines = [{"speaker": 1, "text": " Good morning."}, {"speaker": -2, "text": ""}, {"speaker": 1, "text": " Now"}]
    assert committed_text({"lines": lines, "buffer_transcription": " then"}) == "Good morning. Now"


@pytest.mark.model
def test_the_alignment_heads_for_whisper_live_kit_are_those_of_openai() -> None:
    ours = alignment_heads(resolve("package:tiny.en", FOLDER))
    assert _unpacked(ours.encode()) == _unpacked(OPENAI_TINY_EN_HEADS)


def test_figures_are_summed_over_runs_and_give_the_share_of_measured_words(sent: SendLog) -> None:
    speech = Speech("reader", bytes(2 * SAMPLE_RATE_HZ), "Good morning everyone")
    runs = [
        PeerRun([_heard(speech, text, sent)], cpu_s=0.5, peak_rss_bytes=10**8) for text in ("good morning", "good day")
    ]
    found = figures(1, PeerSystem("Some server", "1.0", "defaults", _never_started), runs, {"reader": SPOKEN})
    assert found["committed_ms"] == {"p50": 700, "p95": 700, "p99": 700}
    assert found["words_measured"] == 0.5
    assert found["wer"] == 0.5
    assert found["cpu_s_per_audio_s"] == 0.5
    assert table({"model": "tiny.en", "runs": [found]}).row_count == 1


def _segment(start: str, text: str, *, completed: bool) -> dict[str, object]:
    return {"start": start, "end": "9.000", "text": text, "completed": completed}


def _heard(speech: Speech, text: str, sent: SendLog) -> PeerStream:
    committed = CommittedText()
    committed.take(text, 101.0)
    return PeerStream(speech, committed, sent)


def _never_started() -> NoReturn:
    raise AssertionError("figures need no running system")


def _unpacked(packed: bytes) -> bytes:
    return gzip.decompress(base64.b85decode(packed))
