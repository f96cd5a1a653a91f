"""Finds up to three voices in a few seconds of audio: pyannote's segmentation 3.0.

H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline" (2023); A. Plaquet and H. Bredin, "Powerset multi-class
cross entropy loss for neural speaker diarization" (2023).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

VOICES_AT_ONCE = 3
"""The most voices that one window tells apart."""
FRAME_SAMPLES = 270
"""TrackSamples from one frame to the next."""
CENTRE_SAMPLES = 495
"""The middle of the first frame's field of 991 samples."""
LEAST_SAMPLES = 991
_CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
"""The voices that each class of the network means."""


class SincNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.filters = nn.Parameter(torch.empty(80, 1, 251))
        self.conv1d = nn.ModuleDict({"1": nn.Conv1d(80, 60, 5), "2": nn.Conv1d(60, 60, 5)})
        self.norm1d = nn.ModuleList(nn.InstanceNorm1d(width, affine=True) for width in (80, 60, 60))

    def forward(self, audio: Tensor) -> Tensor:
        out = functional.conv1d(self.wav_norm1d(audio), self.filters, stride=10).abs()
        for index, norm in enumerate(self.norm1d):
            if index:
                out = self.conv1d[str(index)](out)
            out = functional.leaky_relu(norm(functional.max_pool1d(out, 3)))
        return out


class Segmentation(nn.Module):
    """(windows, samples) → (windows, frames, 3): which voices speak in each frame, as 0 or 1.

    The voices of one window have no relation to those of another.
    """

    classes: ClassVar[Tensor] = torch.tensor(
        [[float(voice in each) for voice in range(VOICES_AT_ONCE)] for each in _CLASSES]
    )

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(_CLASSES))

    def forward(self, audio: Tensor) -> Tensor:
        out, _ = self.lstm(self.sincnet(audio.unsqueeze(1)).transpose(1, 2))
        for linear in self.linear:
            out = functional.leaky_relu(linear(out))
        return self.classes[self.classifier(out).argmax(dim=-1)]
