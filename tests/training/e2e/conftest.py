"""End-to-end models with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.models import CACHE
from training.e2e.connector import Connector, ConnectorShape
from training.e2e.model import SpeechModel
from training.e2e.net import SpeechSummarizer
from workers.asr.model import Whisper
from workers.asr.model import load as load_whisper
from workers.summarize.writing.model import TextModel, load_model

Loaded = tuple[Whisper, TextModel, SpeechSummarizer]


@pytest.fixture(scope="session")
def loaded(model: Callable[[str], str]) -> Callable[..., Loaded]:
    """Makes both base models and the network made of them, new at every call."""

    def load(kind: str, precision: str = "float32", audio_context: bool = False) -> Loaded:
        whisper = load_whisper(model("whisper"), CACHE, precision, "cpu")
        text = load_model(model(kind), CACHE, precision=precision, device="cpu")
        torch.manual_seed(9)
        shape = ConnectorShape(64, 64, stack=8, downsample=2, hidden=32)
        net = SpeechSummarizer(whisper, text, Connector(shape, 0.5), audio_context)
        return whisper, text, net.eval().requires_grad_(False)

    return load


@pytest.fixture
def speech_model(loaded: Callable[..., Loaded]) -> Callable[[str], SpeechModel]:
    def make(kind: str) -> SpeechModel:
        _, text, net = loaded(kind)
        return SpeechModel(net, text, "summarize: ", "\nMinutes:", "summary")

    return make


def write_adapter(net: Any, folder: Path, method: str, ends: tuple[str, ...], base_model: str) -> Path:
    """Attach a PEFT adapter of random numbers to *net* and save it, as runs of other recipes do."""
    from training.networks.methods import attach
    from training.runs.config import Method

    attached = attach(net, Method(kind=method, rank=4, init_rank=6 if method == "adalora" else 0), ends, 20)  # type: ignore[arg-type]
    torch.manual_seed(21)
    for name, weight in net.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    folder.mkdir()
    attached.save(folder, {"base_model": base_model})
    return folder
