"""Checks that this server supports the language, the model and the adapters of a meeting."""

from __future__ import annotations

from sqlalchemy.orm import Session

from schema.adapters.registry import check_served
from schema.core.errors import UnknownLanguage, UnknownModel
from schema.core.states import AdapterTask


def check_language(language: str, model: str) -> None:
    """Raises UnknownLanguage if the served model does not support *language*."""
    if model.endswith(".en") and language != "en":
        raise UnknownLanguage(
            f"language '{language}' is not known to the model '{model}', which supports English only; "
            "use 'en', or set MINUTEBOOK_ASR_MODEL to a multilingual model",
            language=language,
        )


def check_model(field: str, wanted: str | None, served: str, setting: str) -> None:
    """Raises UnknownModel if the workers do not run *wanted*: each runs the model with which it was started."""
    if wanted is not None and wanted != served:
        raise UnknownModel(
            f"{field} '{wanted}' is not served, but '{served}' is; leave it out, or start API and workers with "
            f"{setting}={wanted}",
            served=served,
        )


def check_adapters(session: Session, asr_adapter: str | None, summary_adapter: str | None) -> None:
    """Raises UnknownAdapter if one of the adapters is not served."""
    check_served(session, AdapterTask.ASR, "asr_adapter", asr_adapter)
    check_served(session, AdapterTask.SUMMARY, "summary_adapter", summary_adapter)
