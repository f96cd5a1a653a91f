"""What a frozen encoder makes of recordings, kept on disk, so that it reads each of them once and not in every epoch.

50 states a second of two bytes a channel: an hour is 138 MB for a width of 384 in 16 bits.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from training.data import Dataset, read_audio
from training.e2e.model import features
from training.e2e.net import SpeechSummarizer, cut


class EncoderStates:
    """The files in *folder*, each of one recording and one encoder, made when they are first read, or are broken."""

    def __init__(self, folder: Path, net: SpeechSummarizer, encoder: str) -> None:
        """*encoder* is the checksum of *net*'s, with whatever else decides what it gives."""
        self._folder, self._net = folder, net
        self._encoder = f"{encoder} {net.speech.dtype}"

    def read(self, data: Dataset, place: int) -> list[torch.Tensor]:
        """States (S, D) of each window of the example at *place*."""
        try:
            held = load_file(self._path(data, place))
            return list(torch.split_with_sizes(held["states"], held["windows"].tolist()))
        except (OSError, SafetensorError, KeyError, RuntimeError):
            return self._made(data, place)

    @torch.no_grad()
    def _made(self, data: Dataset, place: int) -> list[torch.Tensor]:
        states = [each.cpu() for each in self._net.encode(*features(self._net, cut(read_audio(data[place]))))]
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(data, place)
        draft = path.with_name(f".{os.getpid()}-{path.name}")
        save_file({"states": torch.cat(states), "windows": torch.tensor([len(each) for each in states])}, draft)
        os.replace(draft, path)
        return states

    def _path(self, data: Dataset, place: int) -> Path:
        record = data.record(place)
        facts = (self._encoder, record.audio_sha256, record.example.start_s, record.example.end_s)
        return self._folder / f"{hashlib.sha256(repr(facts).encode()).hexdigest()}.safetensors"
