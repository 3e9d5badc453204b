"""The methods of the Python client, one per operation that speaks JSON, for both of its classes."""

import keyword
import re
from typing import Any

_TYPES = {
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "string": "str",
    "null": "None",
    "object": "dict[str, Any]",
}
_REFERENCE = "#/components/schemas/"


def python_client(document: dict[str, Any], header: str) -> str:
    """Return operations.py."""
    document = _with_enums_in_place(document)
    operations = [
        (path, method, operation)
        for path, item in sorted(document["paths"].items())
        for method, operation in sorted(item.items())
        if method in ("get", "post") and _is_json(operation)
    ]
    operations.sort(key=lambda each: each[2]["operationId"])
    names = sorted({name for _, _, operation in operations for name in _models(operation)})
    parts = [
        f'"""The operations of the API as methods. {header}"""\n',
        "from __future__ import annotations\n",
        "from datetime import datetime\nfrom typing import Any, Literal\n",
        "from stemma_client.transport import AsyncTransport, Transport\n",
        "from stemma_client.models import (\n" + "".join(f"    {name},\n" for name in names) + ")\n",
    ]
    for is_async in (False, True):
        parts.append(_class(operations, is_async=is_async))
    return "\n".join(parts)


def _with_enums_in_place(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the values of each enum where it is referred to: they are literals in the client."""
    schemas = document["components"]["schemas"]

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(each) for each in part]
        if not isinstance(part, dict):
            return part
        known = schemas.get(str(part.get("$ref", "")).removeprefix(_REFERENCE), {})
        if "enum" in known:
            return {"enum": known["enum"]}
        return {name: resolved(each) for name, each in part.items()}

    return {**document, "paths": resolved(document["paths"])}


def _class(operations: list[tuple[str, str, dict[str, Any]]], *, is_async: bool) -> str:
    name, base, word = ("AsyncStemma", "AsyncTransport", "asynchronous") if is_async else ("Stemma", "Transport", "")
    title = f"The API as {word} methods.".replace("  ", " ")
    lines = [f"\nclass {name}({base}):", f'    """{title} Every answer says by ``as_of`` how true it is."""\n']
    for path, method, operation in operations:
        lines.append(_method(path, method, operation, is_async=is_async))
    return "\n".join(lines)


def _method(path: str, method: str, operation: dict[str, Any], *, is_async: bool) -> str:
    parameters = operation.get("parameters", [])
    in_path = [each for each in parameters if each["in"] == "path"]
    in_query = [each for each in parameters if each["in"] == "query"]
    arguments = ["self", *(f"{_name(each)}: {_type(each['schema'])}" for each in in_path)]
    body = _body(operation)
    if body:
        arguments.append(f"body: {body}")
    if in_query:
        arguments.append("*")
        for each in sorted(in_query, key=lambda each: not each.get("required")):
            hint = _type(each["schema"])
            optional = hint if "None" in hint else f"{hint} | None"
            arguments.append(f"{_name(each)}: {hint}" if each.get("required") else f"{_name(each)}: {optional} = None")
    result = _result(operation)
    url = f'f"{path}"' if in_path else f'"{path}"'
    query = "{" + ", ".join(f"{each['name']!r}: {_name(each)}" for each in in_query) + "}"
    call = f'self._ask("{method.upper()}", {url}, {result}, query={query}' + (", body=body)" if body else ")")
    name = _snake(operation["operationId"])
    summary = (operation.get("description") or operation["summary"]).strip().splitlines()[0]
    return "\n".join(
        (
            f"    {'async ' if is_async else ''}def {name}({', '.join(arguments)}) -> {result}:",
            f'        """{summary}"""',
            f"        found: {result} = {'await ' if is_async else ''}{call}",
            "        return found",
            "",
        )
    )


def _is_json(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", operation["responses"].get("202", {})).get("content", {})
    has_json = any("json" in media for media in content)
    request = operation.get("requestBody", {}).get("content", {"application/json": {}})
    return has_json and "application/json" in request and bool(_result(operation))


def _result(operation: dict[str, Any]) -> str:
    answer = operation["responses"].get("200") or operation["responses"].get("202") or {}
    content = next((each for media, each in answer.get("content", {}).items() if "json" in media), {})
    return _type(content.get("schema", {}))


def _body(operation: dict[str, Any]) -> str | None:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return _type(schema) if schema else None


def _models(operation: dict[str, Any]) -> set[str]:
    text = f"{_result(operation)} {_body(operation) or ''} "
    text += " ".join(_type(each["schema"]) for each in operation.get("parameters", []) if each["in"] != "header")
    return set(re.findall(r"\b(?!None|Any|Literal)[A-Z]\w+", re.sub(r"Literal\[[^\]]*\]", "", text)))


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].removeprefix(_REFERENCE))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
    if schema.get("type") == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if schema.get("format") == "date-time":
        return "datetime"
    return _TYPES.get(str(schema.get("type")), "Any")


def _name(parameter: dict[str, Any]) -> str:
    name = _snake(parameter["name"])
    return f"{name}_" if keyword.iskeyword(name) else name


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
