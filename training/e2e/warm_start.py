"""Begins a joint adapter with the adapters that recogniser and summariser already have.

An adapter adds B A to a layer. The joint adapter begins with the same product if its rank is high enough, otherwise
with the nearest product of its rank (Eckart and Young, 1936). With method `full` the product is added to the weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from schema.core.errors import AdapterMismatch, InvalidConfig
from training.networks.methods import ADAPTER_NAME
from workers.models.lora import check_base, read_lora, read_metadata

log = logging.getLogger(__name__)
_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class LowRankProduct:
    """The change that an adapter makes to a layer: `up` (out, r) times `down` (r, in)."""

    down: torch.Tensor
    up: torch.Tensor

    def factors(self, rank: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """U (out, k), S (k,), V^T (k, in) of the product, truncated to its *rank* largest singular values."""
        q_up, r_up = torch.linalg.qr(self.up)
        q_down, r_down = torch.linalg.qr(self.down.T)
        left, values, right = torch.linalg.svd(r_up @ r_down.T, full_matrices=False)
        kept = min(rank, len(values))
        return (q_up @ left)[:, :kept], values[:kept], (right @ q_down.T)[:kept]


def read_products(
    folder: Path, net: Any, reference: str, checksum: Callable[[], str], left_out: tuple[str, ...] = ()
) -> dict[str, LowRankProduct]:
    """The changes of the adapter in *folder* to the layers of *net*, by layer name.

    Layers whose names begin with one of *left_out* belong to a part that *net* does not have. Raises BrokenModel
    (unreadable) and AdapterMismatch (made for another model than *reference*).
    """
    check_base(folder.name, read_metadata(folder), reference, checksum)
    config, weights = read_lora(folder)
    if config.alpha_pattern or config.use_rslora:
        raise AdapterMismatch(
            f"The adapter in {folder} scales its layers separately, which is not supported. Train it again without."
        )
    names = sorted(
        {key.removeprefix(_PREFIX).removesuffix(".lora_A.weight") for key in weights if key.endswith(".lora_A.weight")}
    )
    layers: dict[str, Any] = {name: module for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    products = {}
    for name in names:
        if name.startswith(left_out):
            continue
        down, up = (weights[f"{_PREFIX}{name}.lora_{part}.weight"].float() for part in "AB")
        _check(folder, name, layers.get(name), (len(up), down.shape[1]), reference)
        products[name] = LowRankProduct(down, up * (config.lora_alpha / len(down)))
    if not products:
        raise AdapterMismatch(f"The adapter in {folder} changes no layer of {reference} that is used. Leave it out.")
    return products


def _check(folder: Path, name: str, layer: Any, width: tuple[int, int], reference: str) -> None:
    own = None if layer is None else (layer.out_features, layer.in_features)
    if own != width:
        raise AdapterMismatch(
            f"The adapter in {folder} changes {name} of {width[0]} x {width[1]}; {reference} has "
            f"{'no such layer' if own is None else f'{own[0]} x {own[1]} there'}. Give an adapter for {reference}."
        )


@torch.no_grad()
def add_products(net: Any, products: dict[str, LowRankProduct], option: str) -> None:
    """Set the adapter attached to *net*, or its weights if there is none, to the *products* by layer.

    *option* names their origin. Raises InvalidConfig if a product changes a layer that does not learn.
    """
    retained = total = 0.0
    for name, product in products.items():
        layer = net.get_submodule(name)
        if not hasattr(layer, "lora_A"):
            _add_to_weight(name, layer, product, option)
            continue
        up, values, down = product.factors(_rank(layer))
        total += float((product.down @ product.down.T * (product.up.T @ product.up)).sum())
        retained += float(values.square().sum())
        _set_factors(layer, up, values, down)
    if retained < 0.999 * total:
        log.warning("%s: the run's rank retains %.0f %% of the adapter's change", option, 100 * retained / total)


def _add_to_weight(name: str, layer: Any, product: LowRankProduct, option: str) -> None:
    """Add *product* to the weights of *layer*, for method `full`, which keeps them in 32 bits."""
    if not layer.weight.requires_grad:
        raise InvalidConfig(
            f"{option} changes {name}, which does not learn in this run. Add it to method.targets, set "
            "options.encoder=adapted if it is the encoder's, or leave the adapter out."
        )
    layer.weight += product.up.to(layer.weight) @ product.down.to(layer.weight)


def _rank(layer: Any) -> int:
    return len(layer.lora_A[ADAPTER_NAME] if hasattr(layer, "lora_E") else layer.lora_A[ADAPTER_NAME].weight)


def _set_factors(layer: Any, up: torch.Tensor, values: torch.Tensor, down: torch.Tensor) -> None:
    """Set the factors of *layer* to the product. Ranks beyond its size keep their initial values and add nothing."""
    kept, scale = len(values), layer.scaling[ADAPTER_NAME]
    if hasattr(layer, "lora_E"):
        layer.lora_A[ADAPTER_NAME][:kept] = down
        layer.lora_B[ADAPTER_NAME][:, :kept] = up
        layer.lora_E[ADAPTER_NAME][:kept, 0] = values * (layer.ranknum[ADAPTER_NAME] + 1e-5) / scale
        return
    roots = values.sqrt()
    layer.lora_A[ADAPTER_NAME].weight[:kept] = down * roots[:, None]
    layer.lora_B[ADAPTER_NAME].weight[:, :kept] = up * (roots / scale)
