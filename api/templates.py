"""The route of templates of minutes."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth.bearer import Reader
from api.http import examples
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.templates.template import load_templates
from schema.templates.wire import TemplateList, TemplateOut

router = APIRouter(prefix="/v1/templates", tags=["templates"], responses=responses(*ANY))


@router.get("", summary="List the templates", responses=examples.response(examples.TEMPLATES))
def list_templates(services: ServicesHere, _principal: Reader) -> TemplateList:
    """List the templates that minutes can have: those of Minutebook, and those in `MINUTEBOOK_TEMPLATE_DIR`."""
    found = sorted(load_templates(services.config.template_dir).items())
    return TemplateList(
        templates=[
            TemplateOut(name=name, title=each.title, sections=[section.name for section in each.sections])
            for name, each in found
        ]
    )
