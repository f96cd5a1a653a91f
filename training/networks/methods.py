"""What is trained: everything (`full`), or low-rank factors beside frozen layers (`lora`, `adalora`).

LoRA: Hu et al. 2021, arXiv 2106.09685. AdaLoRA: Zhang et al. 2023, arXiv 2303.10512.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from schema.core.errors import InvalidConfig
from training.runs.config import Method

NAME = "default"
"""PEFT's name of the adapter in training."""
METADATA = "minutebook.json"
STEPS_AT_LEAST = 10
_WARM_SHARE, _FINAL_SHARE, _ALLOCATIONS = 0.1, 0.3, 100


@dataclass(frozen=True, slots=True)
class RankSchedule:
    """Optimiser steps of AdaLoRA's three parts: all ranks, fewer and fewer, the final ones."""

    total_step: int
    tinit: int
    tfinal: int
    delta: int
    """Steps between two allocations."""


def rank_schedule(total_steps: int) -> RankSchedule:
    """A tenth of the run with all ranks, three tenths with the final ones, about a hundred allocations between.

    Raises InvalidConfig when the run is too short.
    """
    if total_steps < STEPS_AT_LEAST:
        raise InvalidConfig(
            f"AdaLoRA needs at least {STEPS_AT_LEAST} optimiser steps to share its ranks out, this run has "
            f"{total_steps}. Raise steps or epochs, lower batch_size, or use method lora."
        )
    tinit, tfinal = round(_WARM_SHARE * total_steps), round(_FINAL_SHARE * total_steps)
    return RankSchedule(total_steps, tinit, tfinal, max(1, (total_steps - tinit - tfinal) // _ALLOCATIONS))


class Full:
    """Every weight is trained."""

    def __init__(self, net: Any) -> None:
        self.net = net
        net.requires_grad_(True)

    def penalty(self) -> torch.Tensor | None:
        """What is added to a step's loss."""
        return None

    def after_step(self, step: int) -> None:
        """Called when optimiser step number *step*, from 1, is made and its gradients are still there."""

    def settled(self, step: int) -> bool:
        """Whether the weights after *step* may be the ones that are kept."""
        return step > 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs besides the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""

    def ranks(self) -> dict[str, int]:
        """The rank of each changed layer."""
        return {}

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """The whole model, for `transformers` and for the workers."""
        self.net.save_pretrained(folder)
        (folder / METADATA).write_text(json.dumps(dict(metadata), indent=2) + "\n")


class Lora(Full):
    """Factors of a fixed rank; the base stays frozen."""

    def __init__(self, net: Any, method: Method, targets: Sequence[str]) -> None:
        self.net = net
        self.layers = _layers(net, method, targets)
        self.config = self._config(method, targets)
        self.model: Any = _with_adapter(net, self.config)

    def _config(self, method: Method, targets: Sequence[str]) -> Any:
        from peft import LoraConfig

        alpha: Any = method.alpha or 2.0 * method.rank  # PEFT divides it, whatever its annotation says
        return LoraConfig(r=method.rank, lora_alpha=alpha, lora_dropout=method.dropout, target_modules=list(targets))

    def ranks(self) -> dict[str, int]:
        return {name: int(self.config.r) for name in self.layers}

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """PEFT's files and `minutebook.json`."""
        self.config.base_model_name_or_path = metadata["base_model"]
        with warnings.catch_warnings():
            # A layer that AdaLoRA left no rank has factors of no rows; they are as they should be.
            warnings.filterwarnings("ignore", ".*invalid shape")
            self.model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
        (folder / METADATA).write_text(json.dumps(dict(metadata), indent=2) + "\n")


class AdaLora(Lora):
    """Factors whose ranks are cut down where they matter least, to the same number in all."""

    def __init__(self, net: Any, method: Method, targets: Sequence[str], total_steps: int) -> None:
        self.schedule = rank_schedule(total_steps)
        super().__init__(net, method, targets)
        self._allocator: Any = self.model.base_model.rankallocator

    def _config(self, method: Method, targets: Sequence[str]) -> Any:
        from peft import AdaLoraConfig

        alpha: Any = method.alpha or 2.0 * method.rank
        return AdaLoraConfig(
            init_r=_first_rank(method),
            target_r=method.rank,
            lora_alpha=alpha,
            lora_dropout=method.dropout,
            target_modules=list(targets),
            total_step=self.schedule.total_step,
            tinit=self.schedule.tinit,
            tfinal=self.schedule.tfinal,
            deltaT=self.schedule.delta,
            orth_reg_weight=method.orthogonality,
        )

    def penalty(self) -> torch.Tensor | None:
        """How far the factors are from orthogonal: the mean over them of ||P P^T - I||, times its weight.

        PEFT adds the same to the loss one factor at a time; here those of one shape are one product.
        """
        shapes: dict[tuple[int, ...], list[torch.Tensor]] = defaultdict(list)
        for name, factor in self.net.named_parameters():
            if f"lora_A.{NAME}" in name or f"lora_B.{NAME}" in name:
                rows = factor if "lora_A" in name else factor.T
                shapes[tuple(rows.shape)].append(rows)
        norms = [_distances(torch.stack(rows)) for rows in shapes.values()]
        return torch.cat(norms).mean() * float(self.config.orth_reg_weight)

    def after_step(self, step: int) -> None:
        self.model.base_model.update_and_allocate(step)

    def settled(self, step: int) -> bool:
        return step >= self.schedule.total_step - self.schedule.tfinal

    def state(self) -> dict[str, Any]:
        averages = {name: getattr(self._allocator, name) for name in ("ipt", "exp_avg_ipt", "exp_avg_unc")}
        return {**averages, "rank_pattern": self.config.rank_pattern}

    def restore(self, state: Mapping[str, Any]) -> None:
        places = {name: parameter.device for name, parameter in self.net.named_parameters()}
        for name in ("ipt", "exp_avg_ipt", "exp_avg_unc"):
            setattr(self._allocator, name, {key: value.to(places[key]) for key, value in state[name].items()})
        self.config.rank_pattern = state["rank_pattern"]

    def ranks(self) -> dict[str, int]:
        """Factors of each layer that are not cut."""
        pattern = self.config.rank_pattern or {}
        kept = {name.partition(".lora_E")[0]: sum(mask) for name, mask in pattern.items()}
        return {name: int(kept.get(name, self.config.init_r)) for name in self.layers}


def attach(net: Any, method: Method, targets: Sequence[str], total_steps: int) -> Full:
    """Make of *net*, in place, what *method* trains; *targets* are the recipe's layers. Raises InvalidConfig."""
    chosen = list(method.targets or targets)
    if method.kind == "full":
        return Full(net)
    if method.kind == "lora":
        return Lora(net, method, chosen)
    return AdaLora(net, method, chosen, total_steps)


def _with_adapter(net: Any, config: Any) -> Any:
    from peft import get_peft_model

    with warnings.catch_warnings():
        # peft 0.21 asks transformers by a name that is on its way out.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return get_peft_model(net, config, adapter_name=NAME)


def _first_rank(method: Method) -> int:
    return method.init_rank or method.rank + -(-method.rank // 2)


def _layers(net: Any, method: Method, targets: Sequence[str]) -> list[str]:
    """Names of the linear layers that *targets* match. Raises InvalidConfig for none, and for one too narrow."""
    linear = {name: module for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    chosen = [name for name in linear if any(name == end or name.endswith(f".{end}") for end in targets)]
    if not chosen:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
        raise InvalidConfig(f"method.targets {', '.join(targets)} match no linear layer of the model. It has: {known}.")
    rank = method.rank if method.kind == "lora" else _first_rank(method)
    width, narrow = min((min(linear[name].in_features, linear[name].out_features), name) for name in chosen)
    if rank > width:
        raise InvalidConfig(
            f"Rank {rank} is above the width {width} of the layer {narrow}; a factor cannot have more. Use at most "
            f"{width}{' (AdaLoRA begins with method.init_rank)' if method.kind == 'adalora' else ''}."
        )
    return chosen


def _distances(rows: torch.Tensor) -> torch.Tensor:
    """(n,) Frobenius norms of P P^T - I for *rows* (n, rank, width)."""
    gram = rows @ rows.transpose(1, 2)
    distances: torch.Tensor = torch.linalg.matrix_norm(gram - torch.eye(gram.shape[-1], device=gram.device))
    return distances
