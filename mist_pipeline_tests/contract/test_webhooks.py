"""Messages of webhooks keep the official schemas, the simulator's as captured ones, but for what captured ones are known to lack."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from mist_pipeline.push.message import TOPICS, parse
from mist_pipeline.simulator import World
from mist_pipeline.simulator.cloud.app import SimulatedCloud
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline
from mist_pipeline_tests.support.contract.official import Contract
from mist_pipeline_tests.support.pushes import CAPTURED, NOW, raw

SCHEMAS = {topic: f"webhook_{topic.replace('-', '_')}" for topic in (*TOPICS, "site-sle")}

LACKING = {
    "'device_id' is a required property": "audits of what is no device",
    "'site_id' is a required property": "audits of the organisation",
    "'ap' is a required property": "losses of switches and gateways",
    "'ap_name' is a required property": "losses of switches and gateways",
    "'ev_type' is a required property": "events of switches",
    "'NOTICE' is not one of ['notice', 'warn']": "capitals, in captured messages",
}
"""What the schemas demand and captured messages do not keep → where."""


def complaints(contract: Contract, message: dict[str, Any]) -> set[str]:
    """What the official schema of its topic finds wrong with a message."""
    resource = DRAFT202012.create_resource(contract.document)
    registry = Registry().with_resource("urn:official", resource)
    topic = parse(raw(message)).topic
    schema = {"$ref": f"urn:official#/components/schemas/{SCHEMAS[topic]}"}
    return {error.message for error in OAS31Validator(schema, registry=registry).iter_errors(message)}


def simulated() -> Iterator[dict[str, Any]]:
    plain = World(sites=4, days=2, seed=5)
    onset = plain.start + timedelta(hours=20)
    world = World(sites=4, days=2, seed=5, scenarios=[site_offline([1], onset, 2.0)])
    log = SimulatedCloud(world, Clock(world.end)).pushes
    yield from log.due(onset.timestamp() - 86_400 / 2, world.end.timestamp())


@pytest.mark.parametrize("name", [name for name in CAPTURED if name != "edge"])
def test_captured_messages_keep_the_schemas_but_for_what_is_known(contract: Contract, name: str) -> None:
    assert complaints(contract, CAPTURED[name]) <= LACKING.keys()


def test_messages_of_the_simulator_keep_the_schemas_but_for_what_is_known(contract: Contract) -> None:
    messages = list(simulated())
    assert {one["topic"] for one in messages} == {"alarms", "audits", "device-updowns", "device-events"}
    for message in messages:
        # The file calls events unique; the simulator may repeat one within a message, so that the listener has to bear it.
        unique = {json.dumps(event): event for event in message["events"]}
        assert complaints(contract, message | {"events": list(unique.values())}) <= LACKING.keys()


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_whatever_keeps_a_schema_is_read(contract: Contract, topic: str) -> None:
    """An event with every field that the schema names, each of its type."""
    schemas = contract.document["components"]["schemas"]
    events = schemas[SCHEMAS[topic]]["properties"]["events"]["$ref"].rsplit("/", 1)[1]
    event = schemas[events]["items"]["$ref"].rsplit("/", 1)[1]
    made = {name: example(schemas, field) for name, field in schemas[event]["properties"].items()}
    made["timestamp"] = NOW.timestamp()
    read = parse(raw({"topic": topic, "events": [made]}))
    assert (read.unreadable, read.events[0].document) == (0, made)


def example(schemas: dict[str, Any], field: dict[str, Any]) -> Any:
    if "$ref" in field:
        return example(schemas, schemas[field["$ref"].rsplit("/", 1)[1]])
    kind = field.get("type", "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {name: example(schemas, one) for name, one in field.get("properties", {}).items()}
    if kind == "array":
        return [example(schemas, field.get("items", {}))]
    return {"string": "text", "integer": 3, "number": 0.5, "boolean": True}[kind]
