"""What the whole context makes of a clip: the target of the short one. Made once for each clip and kept on disk."""

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
class Target:
    """`states` (S, D) are the encoder's under the audio. `tokens` (T + 1,) are a text from its start to its end mark,
    and `last` (T, D) the decoder's last states, which foretold tokens 1 to T. The text itself begins at token `first`.
    States are in 16 bits."""

    states: torch.Tensor
    tokens: torch.Tensor
    last: torch.Tensor
    first: int


class Teacher:
    """Reads clips in the model's own 30 s, with an *engine* of stride 1. *folder* keeps the targets by name."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._decoder = Decoder(engine.whisper)
        self._folder = folder

    def knows(self, name: str) -> bool:
        return self._path(name).exists()

    def read(self, name: str, window: Window) -> None:
        """Keep the target of a clip, or that there is none: what a teacher that ran away says is not to be learnt."""
        target = self._target(window)
        kept = {} if target is None else {part: getattr(target, part) for part in Target.__slots__}
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._path(name).with_suffix(f".{os.getpid()}.draft")
        torch.save(kept, draft)
        os.replace(draft, self._path(name))

    def target(self, name: str) -> Target | None:
        """The target of a clip that it has read."""
        kept = torch.load(self._path(name), weights_only=True)
        return Target(**kept) if kept else None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pt"

    @torch.inference_mode()
    def _target(self, window: Window) -> Target | None:
        states, bias = self._engine.encode([window])
        task = self._engine.task(window)
        (decoded,) = self._decoder.decode(states, bias, [task])
        if decoded.truncated:
            return None
        tokens = torch.tensor([*task.tokens, *decoded.tokens, self._engine.whisper.vocabulary.end])
        last = decode(self._engine.whisper.net, tokens[None, :-1].to(states.device), states, bias)[0]
        audible = states[0, : audible_positions(len(window.samples))]
        return Target(audible.half().cpu(), tokens, last.half().cpu(), len(task.tokens))
