"""The state of a run before its first step: the connector's shape, and what adapters have learnt before."""

from __future__ import annotations

from dataclasses import asdict

import torch

from training.e2e.connector import ConnectorShape
from training.e2e.options import EndToEndOptions
from training.e2e.saved import SpeechModelFacts, saved_shape
from training.e2e.warm_start import LowRankProduct, read_products
from workers.asr.model import Whisper
from workers.models.lora import read_metadata
from workers.summarize.writing.model import TextModel


def adapter_products(
    options: EndToEndOptions, whisper: Whisper, text: TextModel
) -> dict[str, dict[str, LowRankProduct]]:
    """The changes of the adapters that the run begins with, by option and by layer of the whole network."""
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


def model_facts(options: EndToEndOptions, whisper: Whisper, text: TextModel) -> SpeechModelFacts:
    adapter = options.asr_adapter
    return SpeechModelFacts(
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


def _shape(options: EndToEndOptions, whisper: Whisper, text: TextModel) -> ConnectorShape:
    """The shape of the connector that the run begins with, if there is one. Options that are set take precedence."""
    defaults = {name: getattr(options, name) for name in ("stack", "downsample", "hidden")}
    saved = {} if options.connector is None else asdict(saved_shape(options.connector))
    explicit = {name: value for name, value in defaults.items() if name in options.model_fields_set}
    widths = {
        "speech_width": whisper.net.config.d_model,
        "text_width": text.net.get_input_embeddings().embedding_dim,
    }
    return ConnectorShape(**{**defaults, **saved, **explicit, **widths})


@torch.no_grad()
def embedding_rms(text: TextModel) -> float:
    """The root mean square of the text model's embeddings, as its first layer receives them."""
    words = text.tokenizer("the meeting was about the next steps", add_special_tokens=False).input_ids
    embedded = text.net.get_input_embeddings()(torch.tensor([words], device=text.net.device))
    return float(embedded.float().square().mean().sqrt())
