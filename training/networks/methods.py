"""What a run trains: all weights (`full`), or low-rank factors next to frozen layers (`lora`, `adalora`).

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

ADAPTER_NAME = "default"
"""PEFT's name for the adapter in training."""
METADATA = "minutebook.json"
STEPS_AT_LEAST = 10
_WARM_SHARE, _FINAL_SHARE, _ALLOCATIONS = 0.1, 0.3, 100


@dataclass(frozen=True, slots=True)
class RankSchedule:
    """Optimiser steps of AdaLoRA's three phases: `tinit` steps with all ranks, then shrinking, then `tfinal` steps with
    the final ranks.
    """

    total_step: int
    tinit: int
    tfinal: int
    delta: int
    """Steps between two allocations of the ranks."""


def rank_schedule(total_steps: int) -> RankSchedule:
    """A tenth of the run with all ranks, three tenths with the final ones, and about a hundred allocations between
    them.

    Raises InvalidConfig if the run is too short.
    """
    if total_steps < STEPS_AT_LEAST:
        raise InvalidConfig(
            f"AdaLoRA needs at least {STEPS_AT_LEAST} optimiser steps to allocate its ranks; this run has "
            f"{total_steps}. Raise steps or epochs, lower batch_size, or use method lora."
        )
    # The importance of a rank is a moving average over gradients, which needs some steps before the first cut. After
    # the last cut the remaining ranks need steps to settle. An allocation sorts the ranks of all layers, so it is not
    # done at every step.
    tinit, tfinal = round(_WARM_SHARE * total_steps), round(_FINAL_SHARE * total_steps)
    return RankSchedule(total_steps, tinit, tfinal, max(1, (total_steps - tinit - tfinal) // _ALLOCATIONS))


class Full:
    """Trains every weight."""

    def __init__(self, net: Any) -> None:
        self.net = net
        net.requires_grad_(True)

    def penalty(self) -> torch.Tensor | None:
        """A term for the loss of a step, or None."""
        return None

    def after_step(self, step: int) -> None:
        """Called after optimiser step number *step*, counted from 1, while its gradients still exist."""

    def may_keep(self, step: int) -> bool:
        """Whether the weights after *step* may be kept as the best ones."""
        return step > 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs apart from the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""

    def ranks(self) -> dict[str, int]:
        """The rank of each changed layer."""
        return {}

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """Save the whole model, for `transformers` and for the workers."""
        self.net.save_pretrained(folder)
        (folder / METADATA).write_text(json.dumps(dict(metadata), indent=2) + "\n")


class Lora(Full):
    """Trains factors of a fixed rank. The base stays frozen."""

    def __init__(self, net: Any, method: Method, targets: Sequence[str]) -> None:
        self.net = net
        self.layers = _layers(net, method, targets)
        self.config = self._config(method, targets)
        self.model: Any = _add_adapter(net, self.config)

    def _config(self, method: Method, targets: Sequence[str]) -> Any:
        from peft import LoraConfig

        alpha: Any = method.alpha or 2.0 * method.rank  # PEFT divides it, so it may be a float despite the annotation
        return LoraConfig(r=method.rank, lora_alpha=alpha, lora_dropout=method.dropout, target_modules=list(targets))

    def ranks(self) -> dict[str, int]:
        return {name: int(self.config.r) for name in self.layers}

    def save(self, folder: Path, metadata: Mapping[str, object]) -> None:
        """Save PEFT's files and `minutebook.json`."""
        self.config.base_model_name_or_path = metadata["base_model"]
        with warnings.catch_warnings():
            # A layer that AdaLoRA left without any rank has factors without rows. This is not an error.
            warnings.filterwarnings("ignore", ".*invalid shape")
            self.model.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT writes an empty model card
        (folder / METADATA).write_text(json.dumps(dict(metadata), indent=2) + "\n")


class AdaLora(Lora):
    """Trains factors and removes ranks where they matter least, down to a fixed total."""

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
        """Penalty for factors that are not orthogonal: the mean of ||P P^T - I|| over all factors, times its weight.

        AdaLoRA treats the factors as singular vectors, so that a singular value shows how much a rank matters. That
        holds only while they are close to orthogonal. PEFT adds the same penalty one factor at a time; here all factors
        of one shape are computed in one product.
        """
        shapes: dict[tuple[int, ...], list[torch.Tensor]] = defaultdict(list)
        for name, factor in self.net.named_parameters():
            if f"lora_A.{ADAPTER_NAME}" in name or f"lora_B.{ADAPTER_NAME}" in name:
                rows = factor if "lora_A" in name else factor.T
                shapes[tuple(rows.shape)].append(rows)
        norms = [_orthogonality_gaps(torch.stack(rows)) for rows in shapes.values()]
        return torch.cat(norms).mean() * float(self.config.orth_reg_weight)

    def after_step(self, step: int) -> None:
        self.model.base_model.update_and_allocate(step)

    def may_keep(self, step: int) -> bool:
        return step >= self.schedule.total_step - self.schedule.tfinal

    def state(self) -> dict[str, Any]:
        averages = {name: getattr(self._allocator, name) for name in ("ipt", "exp_avg_ipt", "exp_avg_unc")}
        return {**averages, "rank_pattern": self.config.rank_pattern}

    def restore(self, state: Mapping[str, Any]) -> None:
        devices = {name: parameter.device for name, parameter in self.net.named_parameters()}
        for name in ("ipt", "exp_avg_ipt", "exp_avg_unc"):
            setattr(self._allocator, name, {key: value.to(devices[key]) for key, value in state[name].items()})
        self.config.rank_pattern = state["rank_pattern"]

    def ranks(self) -> dict[str, int]:
        """The ranks of each layer that are left."""
        pattern = self.config.rank_pattern or {}
        kept = {name.partition(".lora_E")[0]: sum(mask) for name, mask in pattern.items()}
        return {name: int(kept.get(name, self.config.init_r)) for name in self.layers}


def attach(net: Any, method: Method, targets: Sequence[str], total_steps: int) -> Full:
    """Prepare *net*, in place, for training by *method*. *targets* are the recipe's layers. Raises InvalidConfig."""
    chosen = list(method.targets or targets)
    if method.kind == "full":
        return Full(net)
    if method.kind == "lora":
        return Lora(net, method, chosen)
    return AdaLora(net, method, chosen, total_steps)


def _add_adapter(net: Any, config: Any) -> Any:
    from peft import get_peft_model

    with warnings.catch_warnings():
        # peft 0.21 calls transformers by a deprecated name.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return get_peft_model(net, config, adapter_name=ADAPTER_NAME)


def _first_rank(method: Method) -> int:
    return method.init_rank or method.rank + -(-method.rank // 2)


def _layers(net: Any, method: Method, targets: Sequence[str]) -> list[str]:
    """Names of the linear layers that *targets* match. Raises InvalidConfig if there are none or one is too narrow."""
    linear = {name: module for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    chosen = [name for name in linear if any(name == end or name.endswith(f".{end}") for end in targets)]
    if not chosen:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
        raise InvalidConfig(f"method.targets {', '.join(targets)} match no linear layer of the model. It has: {known}.")
    rank = method.rank if method.kind == "lora" else _first_rank(method)
    width, narrow = min((min(linear[name].in_features, linear[name].out_features), name) for name in chosen)
    if rank > width:
        raise InvalidConfig(
            f"Rank {rank} exceeds the width {width} of the layer {narrow}. Use at most "
            f"{width}{' (AdaLoRA begins with method.init_rank)' if method.kind == 'adalora' else ''}."
        )
    return chosen


def _orthogonality_gaps(rows: torch.Tensor) -> torch.Tensor:
    """(n,) Frobenius norms of P P^T - I for *rows* (n, rank, width)."""
    gram = rows @ rows.transpose(1, 2)
    distances: torch.Tensor = torch.linalg.matrix_norm(gram - torch.eye(gram.shape[-1], device=gram.device))
    return distances


def linear_layers(net: Any) -> list[str]:
    """Names of all linear layers except the output layer over the vocabulary."""
    head = net.get_output_embeddings()
    return [name for name, module in net.named_modules() if isinstance(module, nn.Linear) and module is not head]
