"""An end-to-end model that is loaded: audio in, a summary out (or a text, if that is what it learnt)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from schema.core.errors import PromptTooLong
from training.data.audio import Samples
from training.e2e.ctc import CtcConnector
from training.e2e.net import SpeechSummarizer, cut
from training.e2e.prompt import asked, prompt
from workers.asr.context import audible_positions
from workers.asr.features import log_mel
from workers.summarize.writing.model import TextModel

TOKENS = "tokens"
"""What a connector writes by itself."""


class SpeechModel:
    """Greedy and bounded, as the workers' models are. One thread at a time may call it."""

    def __init__(self, net: SpeechSummarizer, text: TextModel, instruction: str, suffix: str, writes: str) -> None:
        self.net = net
        self.writes = writes
        self._text = text
        self._prompt = prompt(text, instruction, suffix)

    @torch.inference_mode()
    def write(self, recordings: Sequence[Samples], max_new_tokens: int) -> list[str]:
        """What it `writes` of each of *recordings*, (n,) int16 at 16 kHz.

        Raises PromptTooLong when one with its summary passes the text model's context; nothing is cut off.
        """
        if not recordings:
            return []
        if self.writes == TOKENS:
            return self.transcripts(recordings)
        heard = self.net.hear(*self._states(recordings))
        counts = [len(each) for each in heard]
        self._check_fit(max(counts), max_new_tokens)
        batch = asked(self._text, self._prompt, counts)
        device = heard[0].device
        embedded = self.net.embed(batch["tokens"].to(device), batch["places"].to(device), heard)
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
        """What the connector reads of each of *recordings* by itself; empty where it knows no tokens."""
        if not isinstance(self.net.connector, CtcConnector):
            return [""] * len(recordings)
        heard = self.net.connector.best(self.net.stacked(*self._states(recordings)))
        return [self._text.tokenizer.decode(tokens).strip() for tokens in heard]

    @property
    def knows_tokens(self) -> bool:
        """Whether there are `transcripts`."""
        return isinstance(self.net.connector, CtcConnector)

    def _states(self, recordings: Sequence[Samples]) -> tuple[list[torch.Tensor], list[int]]:
        """States of all windows, and how many windows each recording has."""
        windows = [cut(samples) for samples in recordings]
        states = self.net.encode(*features(self.net, [window for each in windows for window in each]))
        return states, [len(each) for each in windows]

    def _check_fit(self, count: int, max_new_tokens: int) -> None:
        needed = len(self._prompt) + count + (max_new_tokens if self._text.continues else 0)
        if needed > self._text.context_tokens:
            raise PromptTooLong(
                f"{needed} places do not fit the {self._text.context_tokens} that {self._text.reference} reads at "
                "once. Cut the audio, or train with a higher options.stack or options.downsample."
            )


def features(net: SpeechSummarizer, windows: Sequence[Samples]) -> tuple[torch.Tensor, torch.Tensor]:
    """What `SpeechSummarizer.hear` reads of *windows*: features (W, n_mels, frames), positions of sound (W,)."""
    audible = [audible_positions(len(window)) for window in windows]
    config, device = net.speech.config, net.speech.device
    mel = log_mel(windows, net.context(audible).frames, config.num_mel_bins, str(device))
    return mel, torch.tensor(audible, device=device)
