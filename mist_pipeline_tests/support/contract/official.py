"""The official OpenAPI of the Mist cloud as a judge of requests and answers, and the short list of what it may overlook.

The file is not part of the project. `conftest` finds it; what the project knows of it is written down in its own words
in `mist_pipeline.mist`.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

HOST = "https://api.mist.com"
_HERE = Path(__file__).resolve().parents[3]

HOW_TO_GET_IT = (
    "CONTRACT NOT RUN: the official Mist OpenAPI file is not here. Set MIST_OPENAPI to a copy of it (version 2509.1.1,"
    " public at github.com/Mist-Automation-Programmability/mist_openapi), or put it at"
    f" {Path('..') / 'shared' / 'mist_openapi_subset.json'} beside this checkout."
)


def find() -> Path | None:
    """The official file: `MIST_OPENAPI`, else beside the checkout, else None.

    Raises:
        FileNotFoundError: `MIST_OPENAPI` is set and names no file.
    """
    named = os.environ.get("MIST_OPENAPI", "")
    if named:
        path = Path(named)
        if not path.is_file():
            raise FileNotFoundError(f"MIST_OPENAPI is set to {named}, and there is no such file")
        return path
    beside = _HERE.parent / "shared" / "mist_openapi_subset.json"
    return beside if beside.is_file() else None


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    sent: bytes | None = None


class Contract:
    """Judges exchanges by the official file."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text(encoding="utf-8"))
        self._openapi = OpenAPI.from_dict(self.document)

    def request_errors(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request; parameters that the file does not declare included."""
        request = self._request(exchange)
        found = [_told(error) for error in self._openapi.iter_apicall_request_errors(request)]
        undeclared = set(exchange.query) - self._declared(exchange.path)
        return found + [f"undeclared query parameter {name}" for name in sorted(undeclared)]

    def response_errors(self, exchange: Exchange) -> list[str]:
        """What is wrong with an answer."""
        response = MockResponse(exchange.body, exchange.status, content_type=exchange.content_type)
        errors = self._openapi.iter_apicall_response_errors(self._request(exchange), response)
        return [_told(error) for error in errors]

    def examples(self, template: str) -> dict[str, Any]:
        """The file's own example answers of a path, by name."""
        answer = self._follow(self._follow(self.document["paths"][template]["get"]["responses"]["200"]))
        given = answer["content"]["application/json"].get("examples", {})
        return {name: self._follow(example)["value"] for name, example in given.items()}

    def example(self, name: str) -> Any:
        """One example by its name in the file."""
        return self.document["components"]["examples"][name]["value"]

    def template(self, path: str) -> str:
        """The path template that a path belongs to; the one with the fewest variables where several fit."""
        parts = path.split("/")
        fitting = [
            template
            for template in self.document["paths"]
            if len(template.split("/")) == len(parts)
            and all(
                wanted in (part, "{") or wanted.startswith("{")
                for wanted, part in zip(template.split("/"), parts, strict=True)
            )
        ]
        return min(fitting, key=lambda template: template.count("{"))

    def _request(self, exchange: Exchange) -> MockRequest:
        return MockRequest(
            HOST,
            exchange.method.lower(),
            judged_path(exchange.path, self.document["paths"]),
            args=dict(exchange.query),
            headers=dict(exchange.headers),
            data=exchange.sent,
        )

    def _declared(self, path: str) -> set[str]:
        item = self.document["paths"][self.template(path)]
        operation = item.get("get") or item["post"]
        parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
        return {each["name"] for each in map(self._follow, parameters) if each["in"] == "query"}

    def _follow(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node


def judged_path(path: str, templates: Iterable[str]) -> str:
    """The path under which an exchange is judged: the published file lacks ``summary-trend``, so its twin stands in."""
    if path.endswith("/summary-trend") and not any(each.endswith("/summary-trend") for each in templates):
        return path.removesuffix("-trend")
    return path


def _told(error: Exception) -> str:
    causes = [str(each) for each in getattr(error.__cause__, "schema_errors", [])]
    return "; ".join([type(error).__name__, str(error), *causes])[:600]


_REQUIRED = {"wifi": "ap-availability", "wired": "switch-health", "wan": "gateway-health"}


def _with_interval(document: dict[str, Any], sle: str) -> dict[str, Any]:
    return {"interval": 3600, **document}


def _with_required_metric(document: dict[str, Any], sle: str) -> dict[str, Any]:
    rows = [{_REQUIRED[sle]: 1.0, **row} for row in document["results"]]
    return {**document, "results": rows}


def _with_a_row(document: dict[str, Any], sle: str) -> dict[str, Any]:
    if document["results"]:
        return document
    return {**document, "results": [{"site_id": "00000000-0000-0000-0000-000000000000", _REQUIRED[sle]: 1.0}]}


@dataclass(frozen=True)
class Tolerated:
    """One way in which the cloud is laxer than its contract.

    Attributes:
        what: In a sentence; docs/mist-client.md lists the same.
        mend: Turns such an answer of `sites-sle` into what the contract asks for, and leaves others as they are.
    """

    what: str
    mend: Callable[[dict[str, Any], str], dict[str, Any]]


TOLERATED = (
    Tolerated("`sites-sle` without `interval`", _with_interval),
    Tolerated("a row of `sites-sle` without its required metric", _with_required_metric),
    Tolerated("`sites-sle` without any row, which fits several branches of its `oneOf`", _with_a_row),
)


def mended(document: dict[str, Any], sle: str) -> dict[str, Any]:
    """A `sites-sle` answer with everything mended that is tolerated."""
    for each in TOLERATED:
        document = each.mend(document, sle)
    return document


def request_errors(contract: Contract, exchange: Exchange) -> list[str]:
    """What is wrong with a request beyond the `search_after` of the cloud's own cursors, which is not declared."""
    return [
        each
        for each in contract.request_errors(exchange)
        if each != "undeclared query parameter search_after"
    ]


def response_errors(contract: Contract, exchange: Exchange) -> list[str]:
    """What is wrong with an answer beyond what is tolerated."""
    if exchange.path.endswith("/insights/sites-sle") and exchange.status == 200:
        document = mended(json.loads(exchange.body), exchange.query["sle"])
        exchange = replace(exchange, body=json.dumps(document).encode())
    return contract.response_errors(exchange)
