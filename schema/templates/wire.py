"""Wire types of the route for templates."""

from __future__ import annotations

from schema.core.wire import Wire


class TemplateOut(Wire):
    """A template. `sections` are its headings in English; without any, minutes have the general ones."""

    name: str
    title: str
    sections: list[str]


class TemplateList(Wire):
    """By name."""

    templates: list[TemplateOut]
