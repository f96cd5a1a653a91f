"""Real models, loaded once for the whole test session."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import torch

from workers.asr.engine import Engine, load_engine
from workers.summarize.writing.model import TextModel, load_model

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("MINUTEBOOK_MODEL_DIR", ROOT / "var/models"))


@lru_cache(maxsize=1)
def whisper() -> Engine:
    """tiny.en as the worker runs it."""
    # Several threads wait for each other whenever anything else runs on the machine.
    torch.set_num_threads(1)
    return load_engine("package:tiny.en", FOLDER)


@lru_cache(maxsize=1)
def gemma() -> TextModel:
    """The default model of the summarizer."""
    return load_model("package:gemma-3-270m", FOLDER, threads=1)
