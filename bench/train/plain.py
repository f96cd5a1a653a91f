"""Plain training: `Seq2SeqTrainer` and peft as in their documentation. `python -m bench.train.plain CONFIG FOLDER`.

Features are computed once, before training, and counted in the time. As in our training, the labels are those of the
text only: the start tokens are given and not learnt.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from transformers import (
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    WhisperForConditionalGeneration,
    WhisperProcessor,
)

from bench.train.task import shared_batches
from schema.core.settings import settings
from training.data import load, read_audio
from training.networks.methods import rank_schedule
from training.runs.config import RunConfig, read_config
from workers.asr.weights.source import resolve

IGNORED = -100
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Allocate(TrainerCallback):
    """Allocates AdaLoRA's ranks after every step, while its gradients exist."""

    def on_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        del args, control, kwargs
        model.base_model.update_and_allocate(state.global_step + 1)


class Collator:
    """Stacks features and pads texts to the longest of the batch."""

    def __init__(self, end: int) -> None:
        self.end = end

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        def padded(name: str, fill: int) -> torch.Tensor:
            values = [torch.tensor(row[name]) for row in rows]
            return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=fill)

        return {
            "input_features": torch.stack([row["input_features"] for row in rows]),
            "decoder_input_ids": padded("decoder_input_ids", self.end),
            "labels": padded("labels", IGNORED),
        }


def adapter_config(config: RunConfig) -> Any:
    shared: dict[str, Any] = {"lora_alpha": int(config.method.alpha), "target_modules": list(config.method.targets)}
    if config.method.kind == "lora":
        return LoraConfig(r=config.method.rank, **shared)
    schedule = rank_schedule(config.steps)
    return AdaLoraConfig(
        init_r=config.method.rank * 3 // 2,
        target_r=config.method.rank,
        total_step=schedule.total_step,
        tinit=schedule.tinit,
        tfinal=schedule.tfinal,
        deltaT=schedule.delta,
        **shared,
    )


def rows(config: RunConfig, processor: Any, dtype: torch.dtype) -> list[dict[str, Any]]:
    """All training examples, prepared."""
    data = load(config.train.source, config.train.split, needs=("audio", "text"))
    start = processor.tokenizer("").input_ids[:2]
    made: list[dict[str, Any]] = []
    for example in data:
        audio = read_audio(example).astype("float32") / 32_768
        features = processor.feature_extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features[0]
        text = processor.tokenizer(f" {example.text}", add_special_tokens=False).input_ids
        made.append(
            {
                "input_features": features.to(dtype),
                "decoder_input_ids": [*start, *text],
                "labels": [*[IGNORED] * (len(start) - 1), *text, processor.tokenizer.eos_token_id],
                "length": len(audio),
            }
        )
    return made


def main() -> None:
    config, folder = read_config(Path(sys.argv[1])), Path(sys.argv[2])
    base = resolve(config.model, settings().models)
    processor: Any = WhisperProcessor.from_pretrained(base, trust_remote_code=False)
    dtype = DTYPES[config.precision]
    torch.manual_seed(config.seed)
    net: Any = WhisperForConditionalGeneration.from_pretrained(base, dtype=dtype, trust_remote_code=False)
    net = get_peft_model(net, adapter_config(config))
    began = time.perf_counter()
    examples = rows(config, processor, dtype)
    lengths = [row["length"] / 16_000 for row in examples]
    laid_out = [examples[index] for batch in shared_batches(config, lengths) for index in batch]
    trainer = Seq2SeqTrainer(
        model=net,
        args=Seq2SeqTrainingArguments(
            output_dir=str(folder / "trainer"),
            per_device_train_batch_size=config.batch_size,
            max_steps=config.steps,
            learning_rate=config.learning_rate,
            warmup_steps=round(config.warmup * config.steps),
            weight_decay=config.weight_decay,
            max_grad_norm=config.clip_norm,
            bf16=config.precision == "bfloat16",
            use_cpu=True,
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
            label_names=["labels"],
            logging_steps=config.steps,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=laid_out,
        data_collator=Collator(processor.tokenizer.eos_token_id),
        callbacks=[Allocate()] if config.method.kind == "adalora" else [],
    )
    trainer.train()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    net.save_pretrained(str(folder / "adapter"))
    figures = {"examples": len(laid_out), "train_s": seconds, "peak_bytes": peak}
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
