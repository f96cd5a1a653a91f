"""The OpenAPI document at `/openapi.json`, which tools check and generate clients from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schema.core.wire import Problem


class DocumentedApi(FastAPI):
    """FastAPI with a document that describes problems, and that is valid OpenAPI 3.1."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
                # A type is the same in requests and answers, so generated clients have one class for it.
                separate_input_output_schemas=False,
            )
            self.openapi_schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
            _describe_streams(self.openapi_schema)
        return self.openapi_schema


def _describe_streams(document: dict[str, Any]) -> None:
    """Server-sent events become one text. FastAPI describes them by `itemSchema`, which only OpenAPI 3.2 has."""
    operations = (operation for path in document["paths"].values() for operation in path.values())
    answers = (answer for operation in operations for answer in operation["responses"].values())
    for content in (content for answer in answers for content in answer.get("content", {}).values()):
        if content.pop("itemSchema", None) is not None:
            content["schema"] = {"type": "string"}
