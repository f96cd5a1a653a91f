"""Adapters that recogniser and summariser have already, as the beginning of the joint one.

An adapter adds B A to a layer. The joint adapter begins with the same product where its rank is no lower, else with
the nearest one of its rank (Eckart and Young, 1936); with method `full` the product is added to the weights.
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
from training.networks.methods import NAME
from workers.models.lora import check_base, read_lora, read_metadata

log = logging.getLogger(__name__)
_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class Product:
    """What an adapter adds to a layer: `up` (out, r) times `down` (r, in)."""

    down: torch.Tensor
    up: torch.Tensor

    def factors(self, rank: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """U (out, k), S (k,), V^T (k, in) of the product, its *rank* largest singular values or all."""
        q_up, r_up = torch.linalg.qr(self.up)
        q_down, r_down = torch.linalg.qr(self.down.T)
        left, values, right = torch.linalg.svd(r_up @ r_down.T, full_matrices=False)
        kept = min(rank, len(values))
        return (q_up @ left)[:, :kept], values[:kept], (right @ q_down.T)[:kept]


def read_products(
    folder: Path, net: Any, reference: str, checksum: Callable[[], str], left_out: tuple[str, ...] = ()
) -> dict[str, Product]:
    """What the adapter in *folder* adds to the layers of *net*, by their names.

    Layers whose names begin with one of *left_out* are those of a part that *net* has not. Raises BrokenModel
    (unreadable), and AdapterMismatch when it was made for another model than *reference*.
    """
    check_base(folder.name, read_metadata(folder), reference, checksum)
    config, weights = read_lora(folder)
    if config.alpha_pattern or config.use_rslora:
        raise AdapterMismatch(f"The adapter in {folder} weighs its layers apart, which is not known here. Train anew.")
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
        products[name] = Product(down, up * (config.lora_alpha / len(down)))
    if not products:
        raise AdapterMismatch(f"The adapter in {folder} changes no layer that is used of {reference}. Leave it out.")
    return products


def _check(folder: Path, name: str, layer: Any, width: tuple[int, int], reference: str) -> None:
    own = None if layer is None else (layer.out_features, layer.in_features)
    if own != width:
        raise AdapterMismatch(
            f"The adapter in {folder} changes {name} of {width[0]} x {width[1]}; {reference} has "
            f"{'no such layer' if own is None else f'{own[0]} x {own[1]} there'}. Give an adapter of {reference}."
        )


@torch.no_grad()
def begin_with(net: Any, products: dict[str, Product], option: str) -> None:
    """Give the adapter that was attached to *net*, or its weights where there is none, the *products* by layer.

    *option* names where they come from. Raises InvalidConfig where one changes a layer that is not to learn.
    """
    kept = whole = 0.0
    for name, product in products.items():
        layer = net.get_submodule(name)
        if not hasattr(layer, "lora_A"):
            _add(name, layer, product, option)
            continue
        up, values, down = product.factors(_rank(layer))
        whole += float((product.down @ product.down.T * (product.up.T @ product.up)).sum())
        kept += float(values.square().sum())
        _fill(layer, up, values, down)
    if kept < 0.999 * whole:
        log.warning("%s: the run's rank holds %.0f %% of what the adapter changes", option, 100 * kept / whole)


def _add(name: str, layer: Any, product: Product, option: str) -> None:
    """For method `full`, whose weights are in 32 bits."""
    if not layer.weight.requires_grad:
        raise InvalidConfig(
            f"{option} changes {name}, which does not learn in this run. Add it to method.targets, set "
            "options.encoder=adapted if it is the encoder's, or leave the adapter out."
        )
    layer.weight += product.up.to(layer.weight) @ product.down.to(layer.weight)


def _rank(layer: Any) -> int:
    return len(layer.lora_A[NAME] if hasattr(layer, "lora_E") else layer.lora_A[NAME].weight)


def _fill(layer: Any, up: torch.Tensor, values: torch.Tensor, down: torch.Tensor) -> None:
    """What of the rank is left over keeps the first values that the method gave it, and adds nothing."""
    kept, scale = len(values), layer.scaling[NAME]
    if hasattr(layer, "lora_E"):
        layer.lora_A[NAME][:kept] = down
        layer.lora_B[NAME][:, :kept] = up
        layer.lora_E[NAME][:kept, 0] = values * (layer.ranknum[NAME] + 1e-5) / scale
        return
    roots = values.sqrt()
    layer.lora_A[NAME].weight[:kept] = down * roots[:, None]
    layer.lora_B[NAME].weight[:, :kept] = up * (roots / scale)
