"""The OpenAPI document: stable operation ids, and every error code in one place."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import problems
from api.catalog.schemas import CatalogChange
from api.errors import InternalError, RequestInvalid
from api.ingestion.routes import DOCUMENTED_MODELS
from api.ingestion.schemas import EventData

TAGS = [
    {"name": "identity", "description": "Sign-In with Ethereum; access tokens of ten minutes."},
    {"name": "ingestion", "description": "Upload a recording, sign its registration, follow it to the catalog."},
    {"name": "catalog", "description": "What the index holds: recordings, stems, previews, files, metadata, live."},
    {"name": "rights", "description": "Ancestry, royalties, licenses, sales, payments, sessions, disputes."},
    {"name": "graphql", "description": "The same in the dialect of The Graph."},
    {"name": "explorer", "description": "Etherscan's shapes, contracts and sources, EIP-3091 links, token metadata."},
    {"name": "problems", "description": "Every error code and what it means."},
    {"name": "health", "description": "For whoever runs this."},
]
_MODELS: tuple[type[BaseModel], ...] = (problems.Problem, EventData, CatalogChange, *DOCUMENTED_MODELS)
_REFERENCE = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    """Make `/openapi.json` complete; it is built once."""
    built: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        if not built:
            built.append(_build(app))
        return built[0]

    app.openapi = openapi  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=TAGS,
        license_info=app.license_info,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _, definitions = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_REFERENCE)
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
    schemas["ErrorCode"] = {
        "type": "string",
        "enum": list(problems.registry()),
        "description": "\n".join(
            f"- `{entry.code}` ({entry.status}): {entry.description}" for entry in problems.registry().values()
        ),
    }
    schemas["Problem"]["properties"]["code"] = {"$ref": _REFERENCE.format(model="ErrorCode")}
    _describe_common_errors(document)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _describe_common_errors(document: dict[str, Any]) -> None:
    """Say what is refused before it is looked at, in place of the framework's 422, and that all else is a problem."""
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if operation.get("parameters") or "requestBody" in operation:
                responses["422"] = _refusals(responses.get("422", {}))
            responses.setdefault("500", problems.documented(InternalError)[500])
            responses["default"] = {
                "description": "Any other error",
                "content": {problems.MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
            }


def _refusals(own: dict[str, Any]) -> dict[str, Any]:
    """Return the 422 of an operation that reads parameters or a body: its own errors, and `request_invalid`."""
    media = own.get("content", {}).get(problems.MEDIA_TYPE)
    codes = media["schema"]["allOf"][1]["properties"]["code"]["enum"] if media else []
    return problems.documented(*problems.classes_of(codes), RequestInvalid)[422]
