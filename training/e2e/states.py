"""Caches the states of a frozen encoder on disk, so that it reads each recording once instead of once per epoch.

50 states a second, two bytes per channel: an hour takes 138 MB for a width of 384 in 16 bits.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from training.data import Dataset, read_audio
from training.e2e.model import window_features
from training.e2e.net import SpeechSummarizer, split_windows


class EncoderStates:
    """Files in *folder*, one for each recording and encoder. A file is made when it is first read, or if it is
    broken.
    """

    def __init__(self, folder: Path, net: SpeechSummarizer, encoder: str) -> None:
        """*encoder* is the checksum of *net*'s encoder, with anything else that its output depends on."""
        self._folder, self._net = folder, net
        self._encoder = f"{encoder} {net.speech.dtype}"

    def read(self, data: Dataset, index: int) -> list[torch.Tensor]:
        """States (S, D) of each window of the example at *index*."""
        try:
            held = load_file(self._path(data, index))
            return list(torch.split_with_sizes(held["states"], held["windows"].tolist()))
        except (OSError, SafetensorError, KeyError, RuntimeError):
            return self._made(data, index)

    @torch.no_grad()
    def _made(self, data: Dataset, index: int) -> list[torch.Tensor]:
        states = [
            each.cpu() for each in self._net.encode(*window_features(self._net, split_windows(read_audio(data[index]))))
        ]
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(data, index)
        draft = path.with_name(f".{os.getpid()}-{path.name}")
        save_file({"states": torch.cat(states), "windows": torch.tensor([len(each) for each in states])}, draft)
        os.replace(draft, path)
        return states

    def _path(self, data: Dataset, index: int) -> Path:
        record = data.record(index)
        facts = (self._encoder, record.audio_sha256, record.example.start_s, record.example.end_s)
        return self._folder / f"{hashlib.sha256(repr(facts).encode()).hexdigest()}.safetensors"
