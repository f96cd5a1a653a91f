from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import InvalidAudio, UnknownAdapter, UnknownLanguage, UnknownPrecision
from tests.workers.asr.conftest import MODEL, error_rate, read_audio
from training.data.audio import Samples
from workers.asr.engine import Engine, load_engine
from workers.asr.hypothesis import Hypothesis, Window

pytestmark = pytest.mark.model
SECOND = 16_000


def _windows(meeting: Samples) -> list[Window]:
    """Windows of different lengths, prompts and prefixes."""
    pieces = [
        meeting[first * SECOND : end * SECOND] for first, end in ((0, 9), (9, 12), (30, 55), (60, 67), (100, 130))
    ]
    windows = [Window(piece) for piece in pieces]
    windows[1] = replace(windows[1], prompt="Minutebook, Priya, Leo, Tom.\nAnd who talks to the pilot customers.")
    windows[3] = replace(windows[3], prompt="Tom fixes the parser.")
    return windows


@pytest.fixture(scope="module")
def batch(exact_engine: Engine, meeting: Samples) -> list[Hypothesis]:
    return exact_engine.transcribe(_windows(meeting))


def test_the_sample_meeting_is_transcribed_with_few_word_errors(
    engine: Engine, meeting: Samples, meeting_text: str
) -> None:
    windows = [Window(meeting[first : first + 28 * SECOND]) for first in range(0, len(meeting), 28 * SECOND)]
    text = "".join(hypothesis.text for hypothesis in engine.transcribe(windows))
    # The cuts every 28 s, regardless of words, cost a word each.
    assert error_rate(meeting_text, text) < 0.05


def test_a_batch_gives_the_same_words_as_one_by_one(
    exact_engine: Engine, meeting: Samples, batch: list[Hypothesis]
) -> None:
    alone = [exact_engine.transcribe([window])[0] for window in _windows(meeting)]
    assert [one.text for one in alone] == [one.text for one in batch]
    for one, other in zip(alone, batch, strict=True):
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-3)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-3)
        assert [word.start_sample for word in one.words] == [word.start_sample for word in other.words]


def test_a_batch_of_the_worker_s_engine_gives_the_same_words_except_for_ties(engine: Engine, meeting: Samples) -> None:
    windows = _windows(meeting)
    together = engine.transcribe(windows)
    alone = [engine.transcribe([window])[0] for window in windows]
    # In 16 bits the order of additions decides between equally likely texts, for instance of a word cut in half.
    assert error_rate(" ".join(one.text for one in alone), " ".join(one.text for one in together)) <= 0.03


def test_the_words_equal_those_of_transformers(exact_engine: Engine, meeting: Samples) -> None:
    from transformers import WhisperForConditionalGeneration

    from workers.asr.features import log_mel

    samples = meeting[: 12 * SECOND]
    net: WhisperForConditionalGeneration = exact_engine.whisper.net
    tokens = net.generate(log_mel([samples], 3000, 80), language=None, return_timestamps=False)
    expected = exact_engine.whisper.vocabulary.decode(tokens[0].tolist())
    assert exact_engine.transcribe([Window(samples)])[0].text.strip() == expected.strip()


def test_condensed_silence_costs_at_most_two_points_of_word_error_rate(
    engine: Engine, exact_engine: Engine, shared_audio: Path
) -> None:
    clips = sorted((shared_audio / "librispeech").glob("*.flac"))[:24]
    windows = [Window(read_audio(clip)) for clip in clips]
    reference = " ".join(clip.with_suffix(".txt").read_text() for clip in clips)
    rates = [
        error_rate(reference, " ".join(one.text for one in each.transcribe(windows))) for each in (engine, exact_engine)
    ]
    assert rates[0] <= rates[1] + 0.02


def test_word_times_are_close_to_the_spoken_ones(exact_engine: Engine, shared_audio: Path) -> None:
    """Compares the first and last word with times taken by ear."""
    (hypothesis,) = exact_engine.transcribe([Window(read_audio(shared_audio / "speech/jfk.flac"))])
    ends = {word.text.strip(" .,"): word.end_sample / SECOND for word in hypothesis.words}
    assert ends["Americans"] == pytest.approx(2.2, abs=0.3)
    assert ends["country"] == pytest.approx(10.5, abs=0.4)
    assert all(0 < word.probability <= 1 for word in hypothesis.words)


def test_words_are_in_order_and_inside_the_window(meeting: Samples, batch: list[Hypothesis]) -> None:
    for window, hypothesis in zip(_windows(meeting), batch, strict=True):
        edges = [edge for word in hypothesis.words for edge in (word.start_sample, word.end_sample)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= len(window.samples)
        assert len(hypothesis.attended_samples) == len(hypothesis.words)


def test_a_prefix_is_forced_and_only_the_words_after_it_are_returned(exact_engine: Engine, meeting: Samples) -> None:
    window = Window(meeting[: 9 * SECOND])
    (whole,) = exact_engine.transcribe([window])
    (rest,) = exact_engine.transcribe([replace(window, prefix=whole.words[:6])])
    assert [word.text for word in rest.words] == [word.text for word in whole.words[6:]]
    assert rest.words[0].start_sample == pytest.approx(whole.words[6].start_sample, abs=SECOND // 4)


def test_the_vocabulary_is_kept_when_a_long_prompt_is_cut(exact_engine: Engine, meeting: Samples) -> None:
    samples = meeting[: 28 * SECOND]
    prompt = "Vocabulary: pilot customers, PAYMENT TESTS.\n" + "We talk about many things. " * 200
    (hypothesis,) = exact_engine.transcribe([Window(samples, prompt=prompt)])
    assert hypothesis.words
    task = exact_engine.task(Window(samples, prompt=prompt))
    prompt_text = exact_engine.whisper.vocabulary.decode(task.tokens[1 : task.start_index])
    assert prompt_text.startswith(" Vocabulary: pilot customers, PAYMENT TESTS. ")
    assert task.start_index <= 201


def test_silence_gives_no_words_or_a_high_no_speech_probability(engine: Engine) -> None:
    (hypothesis,) = engine.transcribe([Window(np.zeros(5 * SECOND, np.int16))])
    assert not hypothesis.words or hypothesis.no_speech_prob > 0.5


@pytest.mark.parametrize("length", [1, 100, 480_000])
def test_windows_of_any_length_up_to_30_s_are_decoded(engine: Engine, meeting: Samples, length: int) -> None:
    assert len(engine.transcribe([Window(meeting[:length])])) == 1


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros(480_001, np.int16), np.zeros(9, np.float32)])
def test_an_invalid_window_is_refused(engine: Engine, samples: Samples) -> None:
    with pytest.raises(InvalidAudio, match="480000"):
        engine.transcribe([Window(samples)])


def test_an_english_model_refuses_other_languages(engine: Engine, meeting: Samples) -> None:
    assert engine.languages == ("en",)
    with pytest.raises(UnknownLanguage, match="'de'"):
        engine.transcribe([Window(meeting[:SECOND], language="de")])


def test_an_english_model_refuses_to_translate(engine: Engine, meeting: Samples) -> None:
    with pytest.raises(UnknownLanguage, match="English only"):
        engine.transcribe([Window(meeting[:SECOND], translate=True)])


def test_a_multilingual_text_begins_with_its_language_and_task(engine: Engine) -> None:
    vocabulary = replace(engine.whisper.vocabulary, languages={"de": 50_261})
    starts = {task: vocabulary.start_tokens("de", translate=task) for task in (False, True)}
    names = {task: [vocabulary.tokenizer.id_to_token(token) for token in tokens] for task, tokens in starts.items()}
    assert names[False][2:] == ["<|transcribe|>", "<|notimestamps|>"]
    assert names[True][2:] == ["<|translate|>", "<|notimestamps|>"]


def test_an_unknown_adapter_is_refused(engine: Engine, meeting: Samples) -> None:
    with pytest.raises(UnknownAdapter, match="'legal'"):
        engine.transcribe([Window(meeting[:SECOND], adapter="legal")])


def test_an_unknown_precision_is_refused(models: Path) -> None:
    with pytest.raises(UnknownPrecision, match="int2"):
        load_engine(MODEL, models, precision="int2")


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_quantised_model_gives_the_same_words(models: Path, meeting: Samples, precision: str) -> None:
    quantised = load_engine(MODEL, models, precision=precision)
    (hypothesis,) = quantised.transcribe([Window(meeting[: 9 * SECOND])])
    assert error_rate("Good morning everyone thanks for joining", hypothesis.text[:42]) < 0.2


def test_an_empty_batch_gives_no_hypotheses(engine: Engine) -> None:
    assert engine.transcribe([]) == []
