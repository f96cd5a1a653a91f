from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schema.core.states import CoverageKind
from schema.speech.vad import speech_spans
from tests.workers.asr.conftest import read_audio
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.repetition import compression_ratio, runs_away
from workers.asr.streaming.guard import NO_WORDS_REASON, Judgement, judge, transcribe_guarded
from workers.asr.streaming.omissions import skipped_spans
from workers.asr.streaming.policy import normalised

SECOND = 16_000
WINDOW = Window(np.zeros(10 * SECOND, np.int16))


def _hypothesis(text: str) -> Hypothesis:
    words = tuple(Word(f" {word}", 0, SECOND, 0.9) for word in text.split())
    return Hypothesis(words, (0,) * len(words), -0.2, 0.0, compression_ratio(text))


GOOD = _hypothesis("The newsletter is scheduled for Thursday at ten, and I need to change it.")


def test_plain_speech_passes() -> None:
    assert judge(GOOD, WINDOW).judgement is Judgement.OK


def test_repetition_for_emphasis_passes() -> None:
    assert judge(_hypothesis("No, no, no, that is very, very good."), WINDOW).judgement is Judgement.OK


@pytest.mark.parametrize(
    "text",
    [
        "thank you for watching " * 12,
        "and then we go and then we go and then we go and then we go home",
        "so so so so so so so",
    ],
)
def test_repetition_is_retried(text: str) -> None:
    verdict = judge(_hypothesis(text), WINDOW)
    assert verdict.judgement is Judgement.RETRY
    assert "repetition" in verdict.reason


def test_low_confidence_is_retried() -> None:
    assert judge(replace(GOOD, avg_logprob=-1.4), WINDOW).judgement is Judgement.RETRY


def test_low_confidence_with_a_high_no_speech_probability_is_no_speech() -> None:
    assert judge(replace(GOOD, avg_logprob=-1.4, no_speech_prob=0.9), WINDOW).judgement is Judgement.NO_SPEECH


def test_more_words_per_second_than_anyone_says_are_retried() -> None:
    verdict = judge(GOOD, replace(WINDOW, samples=WINDOW.samples[:SECOND]))
    assert verdict.judgement is Judgement.RETRY
    assert "words a second" in verdict.reason


def test_the_audio_of_a_prefix_does_not_count_for_the_rate_of_words() -> None:
    prefix = (Word(" Good", 0, 9 * SECOND, 1.0),)
    assert judge(GOOD, replace(WINDOW, prefix=prefix)).judgement is Judgement.RETRY


def test_loops_of_tokens_are_detected() -> None:
    assert runs_away([7] * 12)
    assert runs_away([1, 2, 3, 4, 5] * 4)
    assert not runs_away([1, 2, 3, 4, 5] * 3)
    assert not runs_away(list(range(40)))


@pytest.mark.model
def test_speech_passes_with_unchanged_words(engine: Engine, meeting: Samples) -> None:
    window = Window(meeting[: 9 * SECOND])
    ((hypothesis, verdict),) = transcribe_guarded(engine, [window])
    assert verdict.judgement is Judgement.OK
    assert hypothesis.text == engine.transcribe([window])[0].text


@pytest.mark.model
@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_silence_noise_and_a_tone_give_no_sentence(engine: Engine, kind: str) -> None:
    time_s = np.arange(12 * SECOND) / SECOND
    noise = np.random.default_rng(0).normal(0, 500, len(time_s))
    sound = {"silence": 0 * time_s, "noise": noise, "tone": 4000 * np.sin(2 * np.pi * 440 * time_s)}[kind]
    ((hypothesis, verdict),) = transcribe_guarded(engine, [Window(sound.astype(np.int16))])
    assert verdict.judgement is not Judgement.OK or len(hypothesis.words) <= 2


def said(meeting: Samples, first_s: float, end_s: float) -> Samples:
    return meeting[round(first_s * SECOND) : round(end_s * SECOND)]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SECOND), np.int16)


@pytest.fixture(scope="session")
def sentences(meeting: Samples) -> Samples:
    """Turns of two speakers half a second apart. tiny.en writes only the second one."""
    turns = said(meeting, 10.05, 14.51), said(meeting, 57.48, 62.11)
    return np.concatenate([silence(0.45), turns[0], silence(0.45), turns[1], silence(0.4)])


def words_of(text: str) -> list[str]:
    return [normalised(word) for word in text.split()]


@pytest.mark.model
def test_a_sentence_that_the_model_skips_is_read_again_and_no_word_is_said_twice(
    engine: Engine, sentences: Samples
) -> None:
    window = Window(sentences, speech=tuple(speech_spans(sentences)))
    (once,) = engine.transcribe([window])
    assert "payment" not in once.text, "the model no longer skips this sentence: the test needs another one"
    ((hypothesis, verdict),) = transcribe_guarded(engine, [window])
    assert (verdict.judgement, verdict.unread) == (Judgement.OK, ())
    words = words_of(hypothesis.text)
    assert {"payment", "tests", "everything", "parser", "wednesday", "review"} <= set(words)
    assert all(words.count(word) == 1 for word in ("payment", "everything", "good", "parser", "review"))
    assert all(word.end_sample - word.start_sample < 1.5 * SECOND for word in hypothesis.words)


@pytest.mark.model
def test_a_few_words_that_the_model_skips_are_read_again(engine: Engine, meeting: Samples) -> None:
    """Less than a second: too little to be booked as failed, but enough for a short sentence."""
    part = said(meeting, 28.5, 40.5)
    window = Window(part, speech=tuple(speech_spans(part)))
    (once,) = engine.transcribe([window])
    assert "old one" not in once.text, "the model no longer skips these words: the test needs others"
    assert skipped_spans(once, window) == []
    ((hypothesis, verdict),) = transcribe_guarded(engine, [window])
    assert (verdict.judgement, verdict.unread) == (Judgement.OK, ())
    assert "expects the old one. I saw that too." in hypothesis.text


@pytest.mark.model
def test_skipped_speech_that_stays_without_words_is_marked_as_failed(engine: Engine, sentences: Samples) -> None:
    window = Window(sentences, speech=tuple(speech_spans(sentences)))
    ((_, verdict),) = transcribe_guarded(engine, [window], rereads=0)
    (span,) = verdict.unread
    assert (span.kind, span.reason) == (CoverageKind.FAILED, NO_WORDS_REASON)
    assert span.first_sample < 2 * SECOND
    assert span.end_sample > 4 * SECOND


@pytest.mark.model
def test_a_sound_between_sentences_gives_no_words(engine: Engine, meeting: Samples) -> None:
    time_s = np.arange(3 * SECOND) / SECOND
    swells = np.abs(np.sin(2 * np.pi * 3.1 * time_s)) * np.random.default_rng(0).normal(0, 2500, len(time_s))
    turns = said(meeting, 10.05, 14.51), said(meeting, 57.48, 62.11)
    sound = np.concatenate([turns[0], silence(0.3), swells.astype(np.int16), silence(0.3), turns[1]])
    window = Window(sound, speech=tuple(speech_spans(sound)))
    ((hypothesis, _),) = transcribe_guarded(engine, [window])
    first, end = len(turns[0]) + SECOND, len(turns[0]) + 3 * SECOND
    assert not [word for word in hypothesis.words if first < word.start_sample < end]


@pytest.mark.model
@pytest.mark.parametrize("name", ["off0", "off3", "pair19-2"])
def test_recordings_with_a_swallowed_sentence_are_read_whole(engine: Engine, shared: Path, name: str) -> None:
    samples = read_audio(shared / "cases/skipped-speech" / f"{name}.wav")
    ((hypothesis, verdict),) = transcribe_guarded(engine, [Window(samples, speech=tuple(speech_spans(samples)))])
    assert verdict.unread == ()
    assert len(hypothesis.words) >= (22 if name == "pair19-2" else 24)
