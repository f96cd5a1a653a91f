"""Checks that this server supports the language, the model and the adapters of a meeting."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeVar

from sqlalchemy.orm import Session

from api.auth.keys import Principal
from schema.adapters.registry import check_served
from schema.core.errors import InvalidInput, UnknownLanguage, UnknownModel
from schema.core.settings import Settings
from schema.core.states import AdapterTask
from schema.core.wire import AUTO, ENGLISH
from schema.minutes.briefing import Briefing
from schema.templates.template import find_template

NewBriefing = TypeVar("NewBriefing", bound=Briefing)

_ENGLISH_NAME = re.compile(r"\.en(?![a-z0-9])")
"""The names of English-only Whisper models, such as `package:tiny.en` and `openai/whisper-small.en`."""


def served_language(language: str, model: str) -> str:
    """The language of a meeting that asks for *language*: an English-only model makes `auto` English.

    Raises UnknownLanguage if the served model does not support *language*.
    """
    if not _reads_only_english(model):
        return language
    if language not in (ENGLISH, AUTO):
        raise UnknownLanguage(
            f"language '{language}' is not known to the model '{model}', which supports English only; "
            "use 'en', or set MINUTEBOOK_ASR_MODEL to a multilingual model",
            language=language,
        )
    return ENGLISH


def _reads_only_english(model: str) -> bool:
    """What the configuration of a model's folder says; for other models, what their name says."""
    try:
        facts = json.loads((Path(model) / "generation_config.json").read_text())
        return not facts.get("is_multilingual", bool(facts.get("lang_to_id")))
    except (OSError, ValueError, AttributeError):
        return bool(_ENGLISH_NAME.search(model))


_NO_TRANSLATION = re.compile("turbo|distil", re.IGNORECASE)
"""Parts of the names of multilingual models that were not trained to translate."""


def check_translation(model: str) -> None:
    """Raises InvalidInput if the served model cannot translate speech into English."""
    english = _reads_only_english(model)
    if english or _NO_TRANSLATION.search(model):
        why = "knows English only" if english else "was not trained to translate"
        raise InvalidInput(
            f"the model '{model}' {why}; transcribe without translation, or set MINUTEBOOK_ASR_MODEL to a multilingual "
            "Whisper, such as openai/whisper-small",
            param="model",
        )


def check_model(field: str, wanted: str | None, served: str, setting: str) -> None:
    """Raises UnknownModel if the workers do not run *wanted*: each runs the model with which it was started."""
    if wanted is not None and wanted != served:
        raise UnknownModel(
            f"{field} '{wanted}' is not served, but '{served}' is; leave it out, or start API and workers with "
            f"{setting}={wanted}",
            served=served,
        )


def with_defaults(new: NewBriefing, principal: Principal, config: Settings) -> NewBriefing:
    """*new* with the defaults of the key that creates the meeting, and of the server.

    Raises InvalidInput for a template that does not exist.
    """
    check_template(new.template, config)
    language = new.minutes_language or principal.minutes_language
    template = new.template or principal.template or config.minutes_template
    return new.model_copy(update={"minutes_language": language, "template": template})


def check_template(name: str | None, config: Settings) -> None:
    """Raises InvalidInput if there is no template called *name*."""
    if name is not None:
        find_template(name, config.template_dir)


def check_adapters(session: Session, asr_adapter: str | None, summary_adapter: str | None) -> None:
    """Raises UnknownAdapter if one of the adapters is not served."""
    check_served(session, AdapterTask.ASR, "asr_adapter", asr_adapter)
    check_served(session, AdapterTask.SUMMARY, "summary_adapter", summary_adapter)
