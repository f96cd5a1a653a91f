"""A loaded end-to-end model: audio in, a summary out (or a transcript, if that is what it learnt)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from schema.core.errors import PromptTooLong
from training.data.audio import Samples, read_audio
from training.data.dataset import Example
from training.e2e.ctc import CtcConnector
from training.e2e.net import SpeechSummarizer, split_windows
from training.e2e.prompt import build_prompt, prompt_batch
from training.evaluation.systems import PLAIN_TOKENS, SystemAnswer
from training.metrics.cost import memory_bytes
from workers.asr.context import audible_positions
from workers.asr.features import log_mel
from workers.summarize.writing.model import TextModel

TOKENS = "tokens"
"""The output of a connector on its own."""


class SpeechModel:
    """Decodes greedily and with a length limit, like the workers' models. One thread at a time may call it."""

    def __init__(self, net: SpeechSummarizer, text: TextModel, instruction: str, suffix: str, writes: str) -> None:
        self.net = net
        self.writes = writes
        self._text = text
        self._prompt = build_prompt(text, instruction, suffix)

    @torch.inference_mode()
    def write(self, recordings: Sequence[Samples], max_new_tokens: int) -> list[str]:
        """The output of the model, of the kind `writes`, for each of *recordings*, (n,) int16 at 16 kHz.

        Raises PromptTooLong if a recording with its summary exceeds the text model's context. Nothing is cut off.
        """
        if not recordings:
            return []
        if self.writes == TOKENS:
            return self.transcripts(recordings)
        embeddings = self.net.audio_embeddings(*self._states(recordings))
        counts = [len(each) for each in embeddings]
        self._check_fit(max(counts), max_new_tokens)
        batch = prompt_batch(self._text, self._prompt, counts)
        device = embeddings[0].device
        embedded = self.net.embed(batch["tokens"].to(device), batch["audio_positions"].to(device), embeddings)
        tokens = self.net.text.generate(
            inputs_embeds=embedded,
            attention_mask=batch["attention_mask"].to(device),
            max_new_tokens=max_new_tokens,
            num_beams=1,
            do_sample=False,
        )
        return [text.strip() for text in self._text.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    @torch.inference_mode()
    def transcripts(self, recordings: Sequence[Samples]) -> list[str]:
        """The transcript that the connector alone makes of each recording, empty if the connector has no tokens."""
        if not isinstance(self.net.connector, CtcConnector):
            return [""] * len(recordings)
        recognised = self.net.connector.greedy_tokens(self.net.connector_input(*self._states(recordings)))
        return [self._text.tokenizer.decode(tokens).strip() for tokens in recognised]

    @property
    def knows_tokens(self) -> bool:
        """Whether `transcripts` returns text."""
        return isinstance(self.net.connector, CtcConnector)

    def _states(self, recordings: Sequence[Samples]) -> tuple[list[torch.Tensor], list[int]]:
        """The states of all windows, and the number of windows of each recording."""
        windows = [split_windows(samples) for samples in recordings]
        states = self.net.encode(*window_features(self.net, [window for each in windows for window in each]))
        return states, [len(each) for each in windows]

    def _check_fit(self, count: int, max_new_tokens: int) -> None:
        needed = len(self._prompt) + count + (max_new_tokens if self._text.continues else 0)
        if needed > self._text.context_tokens:
            raise PromptTooLong(
                f"{needed} positions do not fit the {self._text.context_tokens} that {self._text.reference} reads at "
                "once. Cut the audio, or train with a higher options.stack or options.downsample."
            )


def window_features(net: SpeechSummarizer, windows: Sequence[Samples]) -> tuple[torch.Tensor, torch.Tensor]:
    """The input of `SpeechSummarizer.encode` for *windows*: features (W, n_mels, frames) and audible positions (W,)."""
    audible = [audible_positions(len(window)) for window in windows]
    config, device = net.speech.config, net.speech.device
    mel = log_mel(windows, net.context(audible).frames, config.num_mel_bins, str(device))
    return mel, torch.tensor(audible, device=device)


class EndToEnd:
    """The model as an `EvaluatedSystem`. It reads one recording at a time, so the time is that of one."""

    def __init__(self, name: str, model: SpeechModel, wrong_audio: bool = False) -> None:
        """With *wrong_audio*, each example gets the audio of another one, half of the list further on."""
        self.name = name
        self.model = model
        self._wrong_audio = wrong_audio

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.model.net)

    def answer(self, examples: Sequence[Example]) -> list[SystemAnswer]:
        shift = len(examples) // 2 if self._wrong_audio else 0
        return [self._answer(example) for example in (*examples[shift:], *examples[:shift])]

    def _answer(self, example: Example) -> SystemAnswer:
        """The transcript is the connector's own. The time of a summary does not include it."""
        audio, model = [read_audio(example)], self.model
        started = time.perf_counter()
        [text] = model.write(audio, PLAIN_TOKENS)
        seconds = time.perf_counter() - started
        if model.writes != "summary":
            return SystemAnswer(transcript=text, seconds=seconds)
        transcript = model.transcripts(audio)[0] if model.knows_tokens else None
        return SystemAnswer(transcript=transcript, summary=text, seconds=seconds)
