"""Computes the dev loss of an adapter with transformers and peft, in 32 bits and with the whole 30 s.

Both sides are judged by this same computation.

`python -m bench.train.loss CONFIG ADAPTER...` prints a JSON list.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from bench.train.plain import IGNORED, Collator, rows
from schema.core.settings import settings
from training.runs.config import read_config
from workers.asr.weights.source import resolve


def main() -> None:
    config = read_config(Path(sys.argv[1]))
    base = resolve(config.model, settings().models)
    processor: Any = WhisperProcessor.from_pretrained(base, trust_remote_code=False)
    examples = rows(config.model_copy(update={"train": config.dev}), processor, torch.float32)
    batch = Collator(processor.tokenizer.eos_token_id)(examples)
    labels = batch.pop("labels")
    losses = []
    for adapter in sys.argv[2:]:
        net: Any = WhisperForConditionalGeneration.from_pretrained(base, dtype=torch.float32, trust_remote_code=False)
        net = PeftModel.from_pretrained(net, adapter).eval()
        with torch.inference_mode():
            logits = net(**batch).logits
        losses.append(float(cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)))
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
