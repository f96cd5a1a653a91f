"""What a run begins with, before its first step: the connector's shape, and what adapters have learnt already."""

from __future__ import annotations

from dataclasses import asdict

import torch

from training.e2e.connector import Shape
from training.e2e.options import Options
from training.e2e.saved import Facts, saved_shape
from training.e2e.warm_start import Product, read_products
from workers.asr.model import Whisper
from workers.models.lora import read_metadata
from workers.summarize.writing.model import TextModel


def products(options: Options, whisper: Whisper, text: TextModel) -> dict[str, dict[str, Product]]:
    """What the adapters add that the run begins with, by option and layer of the whole network."""
    begin = {}
    if options.asr_adapter is not None:
        found = read_products(
            options.asr_adapter, whisper.net, whisper.reference, whisper.checksum, ("model.decoder.", "proj_out")
        )
        begin["asr_adapter"] = {f"speech.{name}": product for name, product in found.items()}
    if options.summary_adapter is not None:
        found = read_products(options.summary_adapter, text.net, text.reference, text.checksum)
        begin["summary_adapter"] = {f"text.{name}": product for name, product in found.items()}
    return begin


def facts(options: Options, whisper: Whisper, text: TextModel) -> Facts:
    adapter = options.asr_adapter
    return Facts(
        speech_model=whisper.reference,
        speech_checksum=whisper.checksum(),
        base_model=text.reference,
        base_checksum=text.checksum(),
        shape=_shape(options, whisper, text),
        instruction=options.instruction,
        suffix=options.suffix,
        audio_context=adapter is not None and read_metadata(adapter).audio_context,
        longest_s=options.longest_s,
        writes=options.writes,
    )


def _shape(options: Options, whisper: Whisper, text: TextModel) -> Shape:
    """That of the connector to begin with, where there is one, in so far as the options do not say otherwise."""
    own = {name: getattr(options, name) for name in ("stack", "downsample", "hidden")}
    begin = {} if options.connector is None else asdict(saved_shape(options.connector))
    told = {name: value for name, value in own.items() if name in options.model_fields_set}
    widths = {
        "speech_width": whisper.net.config.d_model,
        "text_width": text.net.get_input_embeddings().embedding_dim,
    }
    return Shape(**{**own, **begin, **told, **widths})


@torch.no_grad()
def loudness(text: TextModel) -> float:
    """The root mean square of the text model's embeddings, as its first layer gets them."""
    words = text.tokenizer("the meeting was about the next steps", add_special_tokens=False).input_ids
    embedded = text.net.get_input_embeddings()(torch.tensor([words], device=text.net.device))
    return float(embedded.float().square().mean().sqrt())
