"""The teacher: targets made with the full context, computed once for each clip and kept on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from training.networks.whisper_net import decode
from workers.asr.context import audible_positions
from workers.asr.decoder import Decoder
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window


@dataclass(frozen=True, slots=True)
class TeacherTarget:
    """The target of a clip. `states` (S, D) are the encoder states under the audio. `tokens` (T + 1,) are a text from
    its start token to its end token. `last` (T, D) are the decoder's last hidden states, which predict tokens 1 to T.
    The text itself begins at token `first`. States are stored in 16 bits.
    """

    states: torch.Tensor
    tokens: torch.Tensor
    last: torch.Tensor
    first: int


class Teacher:
    """Reads clips with the model's own 30 s context, through an *engine* of stride 1. *folder* keeps the targets by
    name.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._decoder = Decoder(engine.whisper)
        self._folder = folder

    def has_target(self, name: str) -> bool:
        return self._path(name).exists()

    def save_target(self, name: str, window: Window) -> None:
        """Compute and store the target of a clip. If the teacher runs away on it, store that it has no target."""
        target = self._compute_target(window)
        kept = {} if target is None else {part: getattr(target, part) for part in TeacherTarget.__slots__}
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._path(name).with_suffix(f".{os.getpid()}.draft")
        torch.save(kept, draft)
        os.replace(draft, self._path(name))

    def load_target(self, name: str) -> TeacherTarget | None:
        """The stored target of a clip, or None if the teacher ran away on it."""
        kept = torch.load(self._path(name), weights_only=True)
        return TeacherTarget(**kept) if kept else None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pt"

    @torch.inference_mode()
    def _compute_target(self, window: Window) -> TeacherTarget | None:
        states, bias = self._engine.encode([window])
        task = self._engine.task(window)
        (decoded,) = self._decoder.decode(states, bias, [task])
        if decoded.truncated:
            return None
        tokens = torch.tensor([*task.tokens, *decoded.tokens, self._engine.whisper.vocabulary.end])
        last = decode(self._engine.whisper.net, tokens[None, :-1].to(states.device), states, bias)[0]
        audible = states[0, : audible_positions(len(window.samples))]
        return TeacherTarget(audible.half().cpu(), tokens, last.half().cpu(), len(task.tokens))
