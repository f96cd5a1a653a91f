"""Templates: YAML files that give the sections of minutes, what belongs in each, their length and their tone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, model_validator

from schema.core.errors import InvalidInput
from schema.core.wire import ENGLISH, Characters, Language, Text, Wire
from schema.minutes.briefing import TEMPLATE_PATTERN
from schema.minutes.ledger import ItemKind

GENERAL = "general"
SHIPPED = Path(__file__).parent
SECTIONS_LIMIT = 12
FILE_LIMIT_BYTES = 64 << 10

Heading = Annotated[Text, Characters(60, least=1)]
Headings = Annotated[dict[Language, Heading], Field(min_length=1, max_length=20)]
"""A heading by language. It must be there in English."""


class TemplateSection(Wire):
    """A section: all decisions, actions or questions (`kind`), or the points of which `holds` says what they are.

    A section of points has at most `limit` sentences. The others have all of theirs.
    """

    heading: Headings
    kind: ItemKind | None = None
    holds: Annotated[Text, Characters(300)] = ""
    limit: int = Field(default=10, ge=1, le=50)

    @model_validator(mode="after")
    def _has_one_content(self) -> TemplateSection:
        if ENGLISH not in self.heading:
            raise ValueError("the heading has no English text; give 'en'")
        if (self.kind is None) == (not self.holds):
            raise ValueError("give either 'kind' or, for points, 'holds', which says what belongs in the section")
        if self.kind is ItemKind.POINT:
            raise ValueError("points are divided by 'holds'; leave 'kind' out")
        return self

    @property
    def name(self) -> str:
        """The name by which notes refer to it."""
        return self.heading[ENGLISH]

    def heading_in(self, language: str) -> str:
        return self.heading.get(language, self.name)


class Template(Wire):
    """What minutes look like. `points` is the most points of one window, and `words` the longest sentence.

    Decisions, actions and questions that no section has, and points of no section, follow as in general minutes.
    """

    title: Heading
    tone: Annotated[Text, Characters(300)] = ""
    points: int = Field(default=3, ge=0, le=10)
    words: int = Field(default=25, ge=8, le=60)
    sections: list[TemplateSection] = Field(default_factory=list, max_length=SECTIONS_LIMIT)

    @property
    def is_plain(self) -> bool:
        """Whether minutes are the usual ones: nothing but the title is set."""
        return self == Template(title=self.title)

    @property
    def point_sections(self) -> dict[str, TemplateSection]:
        """The sections of points, by name."""
        return {section.name: section for section in self.sections if section.kind is None}


@lru_cache(maxsize=8)
def load_templates(folder: Path | None) -> Mapping[str, Template]:
    """The shipped templates, and those in *folder*, by the name of their file. One in *folder* counts first.

    Raises InvalidInput, which names the file, what is wrong in it, and the remedy.
    """
    if folder is not None and not folder.is_dir():
        raise InvalidInput(
            f"MINUTEBOOK_TEMPLATE_DIR is {folder}, which is no folder; name one with YAML files, or none"
        )
    files = [*SHIPPED.glob("*.yaml"), *(folder.glob("*.yaml") if folder else ())]
    return {path.stem: read_template(path) for path in files}


def read_template(path: Path) -> Template:
    """The template in a file. Raises InvalidInput."""
    if not TEMPLATE_PATTERN.fullmatch(path.stem):
        raise InvalidInput(f"{path} is no name for a template; use small letters, digits and hyphens, at most 40")
    try:
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise InvalidInput(f"{path} has more than {FILE_LIMIT_BYTES} bytes; a template needs far fewer")
        return Template.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read as YAML in UTF-8: {' '.join(str(error).split())[:200]}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise InvalidInput(f"{path}: {where}: {fault['msg']}; correct it") from error


def find_template(name: str, folder: Path | None) -> Template:
    """The template called *name*. Raises InvalidInput with the names that there are."""
    templates = load_templates(folder)
    if name not in templates:
        known = ", ".join(sorted(templates))
        raise InvalidInput(f"template '{name}' is not known; use one of {known}", template=name)
    return templates[name]
