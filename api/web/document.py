"""`python -m api.web.document`: prints the wire types of the API, from which `make page` generates the page's types.

It is the OpenAPI document without routes, texts and examples. So the generated file changes only with the types.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from api.app import create_app
from schema.core.settings import Settings

TEXTS = frozenset({"title", "description", "examples", "example", "default"})


def document() -> dict[str, Any]:
    """The document, with all schemas."""
    with tempfile.TemporaryDirectory(prefix="minutebook-document-") as folder:
        app = create_app(Settings.model_validate({"data_dir": Path(folder), "auth": "off"}))
        whole = app.openapi()
    schemas = {name: _bare(schema) for name, schema in whole["components"]["schemas"].items()}
    return {
        "openapi": whole["openapi"],
        "info": whole["info"] | {"description": ""},
        "paths": {},
        "components": {"schemas": schemas},
    }


def _bare(schema: Any) -> Any:
    """*schema* without texts. The members of `properties` are names, so `title` stays there."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _bare(each) for key, each in value.items()} if name == "properties" else _bare(value)
        for name, value in schema.items()
        if name not in TEXTS
    }


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)
