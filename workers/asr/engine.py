"""The batched engine: it transcribes windows into hypotheses. The other windows of a batch do not change the words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, groupby, repeat
from pathlib import Path

import numpy as np
import torch

from schema.core.errors import InvalidAudio, UnknownAdapter
from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_S, WINDOW_LIMIT_SAMPLES
from workers.asr.adapters import BASE
from workers.asr.context import STRIDE, audible_positions, condensed_context, full_context, short_context
from workers.asr.decoder import Decoded, Decoder, DecodeTask
from workers.asr.encoder import encode
from workers.asr.features import log_mel
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.model import Whisper, load
from workers.asr.repetition import compression_ratio
from workers.asr.words import (
    TokenSpan,
    attended_positions,
    read_part,
    samples_of_position,
    split_words,
    token_starts,
    unread_positions,
    with_rests,
)
from workers.models.lora import make_room, used

PROMPT_TOKENS = 200
TOKENS_PER_S = 9
"""More tokens than anyone speaks in a second. The token budget of a window grows with its audio."""
SPARE_TOKENS = 12
BATCH_LIMIT = 32
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Settings for decoding a window. If its hypothesis does not pass the guard, others than `USUAL` are tried."""

    temperature: float = 0.0
    with_prompt: bool = True


USUAL = Fallback()


class Engine:
    """Transcribes batches of windows with one loaded Whisper. Adapters must not be loaded while it transcribes.

    With a *stride* above 1 the silence after short windows is condensed (see `context`). 1 keeps the full context.
    """

    def __init__(self, whisper: Whisper, stride: int = STRIDE) -> None:
        self.whisper = whisper
        self.stride = stride
        self._decoder = Decoder(whisper)
        self._n_mels: int = whisper.net.config.num_mel_bins
        self._positions: int = whisper.net.config.max_source_positions

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that the model knows."""
        return tuple(sorted(self.whisper.vocabulary.languages)) or ("en",)

    @property
    def adapters(self) -> tuple[str, ...]:
        return tuple(sorted(self.whisper.adapters))

    def load_adapter(self, name: str, folder: Path, keep: Collection[str] = ()) -> None:
        """Load or replace an adapter between two batches. Raises AdapterMismatch or BrokenModel.

        If there are too many adapters, those that were used least recently are unloaded, but none in *keep*.
        """
        make_room(self.whisper.net, self.whisper.adapters, {*keep, name})
        self.whisper.load_adapter(name, folder)

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        """Transcribe *windows* and return a hypothesis for each, in order. *lanes* is the number of threads.

        Raises InvalidAudio (empty, longer than 30 s, not int16), UnknownLanguage or UnknownAdapter before any work.
        """
        for window in windows:
            self._check(window)
        used(self.whisper.adapters, {window.adapter for window in windows if window.adapter is not None})
        groups = self._groups(windows, lanes)
        batches = [[windows[i] for i in group] for group in groups]
        if len(batches) > 1 and lanes > 1:
            with ThreadPoolExecutor(lanes, "lane") as pool:
                results = list(pool.map(self._batch, batches, repeat(fallback)))
        else:
            results = [self._batch(batch, fallback) for batch in batches]
        hypotheses = dict(zip(chain(*groups), chain(*results), strict=True))
        return [hypotheses[i] for i in range(len(windows))]

    def _check(self, window: Window) -> None:
        if window.samples.dtype != np.int16 or not 0 < len(window.samples) <= WINDOW_LIMIT_SAMPLES:
            raise InvalidAudio(
                f"A window has {len(window.samples)} samples of {window.samples.dtype}. "
                f"Give 1 to {WINDOW_LIMIT_SAMPLES} samples of int16 ({WINDOW_LIMIT_S} s)."
            )
        if window.language != AUTO:
            self.whisper.vocabulary.start_tokens(window.language, translate=window.translate)
        if window.adapter is not None and window.adapter not in self.whisper.adapters:
            raise UnknownAdapter(f"No adapter {window.adapter!r} is loaded. Loaded: {', '.join(self.adapters) or '-'}.")

    def _groups(self, windows: Sequence[Window], lanes: int) -> list[list[int]]:
        """Divide *windows* into batches, given as indices. Windows of similar length go together, to save padding.

        All *lanes* get equal shares of windows, by number and by length.
        """
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].samples))
        blocks = [order[first : first + lanes * BATCH_LIMIT] for first in range(0, len(order), lanes * BATCH_LIMIT)]
        return [group for block in blocks for lane in range(lanes) if (group := block[lane::lanes])]

    @torch.inference_mode()
    def _batch(self, windows: Sequence[Window], fallback: Fallback) -> list[Hypothesis]:
        states, bias = self.encode(windows)
        languages = self._languages(windows, states, bias)
        windows = [replace(window, language=language) for window, language in zip(windows, languages, strict=True)]
        tasks = [self.task(window, fallback) for window in windows]
        decoded = self._decoder.decode(states, bias, tasks)
        return [self._hypothesis(*row, fallback) for row in zip(windows, tasks, decoded, strict=True)]

    def encode(self, windows: Sequence[Window]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Encode *windows* into states (B, S, D) and the bias (B, 1, 1, S) on attention to them.

        Rows with short and with condensed context are encoded apart. A CPU encodes row by row: more rows at a time are
        no faster, and padding would cost time.
        """
        size = len(windows) if self.whisper.device.startswith("cuda") else 1
        kinds = sorted(range(len(windows)), key=lambda i: self._has_short_context(windows[i]))
        parts: list[tuple[int, torch.Tensor, torch.Tensor | None]] = []
        for short, members in groupby(kinds, key=lambda i: self._has_short_context(windows[i])):
            indices = list(members)
            for first in range(0, len(indices), size):
                group = indices[first : first + size]
                states, bias = self._encode_group([windows[i] for i in group], short)
                parts += [(index, states[i], None if bias is None else bias[i]) for i, index in enumerate(group)]
        ordered = sorted(parts, key=lambda part: part[0])
        return stacked([states for _, states, _ in ordered], [bias for _, _, bias in ordered])

    def _has_short_context(self, window: Window) -> bool:
        """Whether the window's adapter was trained for a context as long as the audio."""
        adapter = self.whisper.adapters.get(window.adapter or "")
        return adapter is not None and adapter.audio_context

    def _encode_group(self, windows: Sequence[Window], short: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        device, dtype, total = self.whisper.device, self.whisper.dtype, self._positions
        audible = [audible_positions(len(window.samples)) for window in windows]
        if short:
            context = short_context(audible, total, device, dtype)
        elif self.stride > 1:
            context = condensed_context(audible, total, self.stride, device, dtype)
        else:
            context = full_context(len(windows), total, device)
        mel = log_mel([window.samples for window in windows], context.frames, self._n_mels, device)
        return encode(self.whisper.net, mel, context, adapter_names(windows)), context.bias

    def _languages(self, windows: Sequence[Window], states: torch.Tensor, bias: torch.Tensor | None) -> list[str]:
        unknown = [i for i, window in enumerate(windows) if window.language == AUTO]
        languages = [window.language for window in windows]
        if unknown and not self.whisper.vocabulary.multilingual:
            return [language if language != AUTO else "en" for language in languages]
        if unknown:
            detected = self._decoder.languages(states[unknown], None if bias is None else bias[unknown])
            for i, probabilities in zip(unknown, detected, strict=True):
                languages[i] = max(probabilities, key=probabilities.__getitem__)
        return languages

    def task(self, window: Window, fallback: Fallback = USUAL) -> DecodeTask:
        """The decoder's task for *window*: prompt, language and prefix as tokens, and the token budget.

        The prefix comes last, because the decoder is forced through it and continues the text after it.
        """
        vocabulary = self.whisper.vocabulary
        prompt = self._prompt(window.prompt) if fallback.with_prompt else []
        prefix = vocabulary.encode("".join(word.text for word in window.prefix))
        start = vocabulary.start_tokens(window.language, translate=window.translate)
        unread = len(window.samples) - (window.prefix[-1].end_sample if window.prefix else 0)
        budget = SPARE_TOKENS + int(TOKENS_PER_S * max(unread, 0) / SAMPLE_RATE_HZ)
        room = self._decoder.limit - len(prompt) - len(start)
        prefix = prefix[-(room - SPARE_TOKENS) :]
        return DecodeTask(
            tokens=(*prompt, *start, *prefix),
            start_index=len(prompt),
            prefix_tokens=len(prefix),
            budget=min(budget, room - len(prefix)),
            temperature=fallback.temperature,
            adapter=window.adapter,
        )

    def _prompt(self, prompt: str) -> list[int]:
        """The tokens of the prompt, from <|startofprev|> on.

        If *prompt* is too long, its first line stays, which is the vocabulary. The rest loses words at its beginning,
        because the last ones stand right before the window.
        """
        vocabulary = self.whisper.vocabulary
        head, _, tail = prompt.strip().partition("\n")
        if not tail:
            head, tail = "", head
        first = vocabulary.encode(f" {head.strip()}")[: PROMPT_TOKENS // 2] if head.strip() else []
        words = tail.split()
        while words:
            tokens = first + vocabulary.encode(" " + " ".join(words))
            if len(tokens) <= PROMPT_TOKENS:
                return [vocabulary.previous, *tokens]
            words = words[max(1, len(tokens) - PROMPT_TOKENS) // 2 or 1 :]
        return [vocabulary.previous, *first] if first else []

    def _hypothesis(self, window: Window, task: DecodeTask, decoded: Decoded, fallback: Fallback) -> Hypothesis:
        vocabulary = self.whisper.vocabulary
        tokens = decoded.tokens
        text = vocabulary.decode(tokens)
        spans = split_words(tokens, vocabulary, window.language)
        words, attended, unread = self._timed(window, task, decoded, spans) if spans else ((), (), ())
        return Hypothesis(
            words=words,
            attended_samples=attended,
            unread=unread,
            avg_logprob=sum(decoded.logprobs) / max(len(decoded.logprobs), 1),
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=compression_ratio(text),
            temperature=fallback.temperature,
            truncated=decoded.truncated,
        )

    def _timed(
        self, window: Window, task: DecodeTask, decoded: Decoded, spans: Sequence[TokenSpan]
    ) -> tuple[tuple[Word, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
        """The words of *spans* with their times, the end of the audio that each word attended to most, and the spans of
        audio that no word was read from.

        The prefix is warped as well, so that the audio of committed words is not given to the new ones.
        """
        audible = audible_positions(len(window.samples))
        attention = torch.stack(decoded.attention)[..., :audible].cpu().numpy()
        all_starts = token_starts(attention)
        # A translation follows another order of words than the audio, so its path shows nothing.
        spoken = task.prefix_tokens + spans[-1].spoken_end
        unread = [] if window.translate else unread_positions(attention, all_starts, spoken)
        starts = [*all_starts[task.prefix_tokens :].tolist(), audible]
        peaks = attended_positions(attention)[task.prefix_tokens :].tolist()

        def samples(position: int) -> int:
            return min(samples_of_position(position), len(window.samples))

        paths = [(starts[span.first], starts[span.spoken_end]) for span in spans]
        parts = [read_part(*path, peaks[span.spoken_end - 1], unread) for span, path in zip(spans, paths, strict=True)]

        def word(span: TokenSpan, part: tuple[int, int]) -> Word:
            probability = float(np.exp(np.mean(decoded.logprobs[span.first : span.spoken_end])))
            return Word(span.text, samples(part[0]), samples(part[1]), probability)

        attended = tuple(samples(peaks[span.spoken_end - 1] + 1) for span in spans)
        words = tuple(map(word, spans, parts))
        unread = with_rests(unread, paths, parts)
        return words, attended, tuple((samples(first), samples(end)) for first, end in unread)


def adapter_names(windows: Sequence[Window]) -> list[str] | None:
    """The adapter of each row by PEFT's name; None if no row has one."""
    names = [window.adapter for window in windows]
    return [name or BASE for name in names] if any(names) else None


def stacked(
    states: Sequence[torch.Tensor], biases: Sequence[torch.Tensor | None]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Stack rows (S_i, D) into one tensor (B, S, D), with the bias (B, 1, 1, S) that masks the padding."""
    longest = max(len(row) for row in states)
    if all(bias is None for bias in biases) and all(len(row) == longest for row in states):
        return torch.stack(list(states)), None
    padded = states[0].new_zeros(len(states), longest, states[0].shape[-1])
    bias = padded.new_full((len(states), 1, 1, longest), -torch.inf)
    for i, (row, own) in enumerate(zip(states, biases, strict=True)):
        padded[i, : len(row)] = row
        bias[i, ..., : len(row)] = 0.0 if own is None else own
    return padded, bias


def load_engine(
    reference: str,
    cache_dir: Path,
    precision: str = "auto",
    device: str = "auto",
    adapters: Mapping[str, Path] | None = None,
    stride: int = STRIDE,
) -> Engine:
    """Load a model and return an engine for it. Raises the same errors as `model.load`."""
    return Engine(load(reference, cache_dir, precision, device, adapters), stride)
