"""Changes of a world's configuration: those that its troubles came with, and many harmless ones.

A trouble by a wrong template or a firmware is preceded by the change that made it, one by a firmware by an upgrade at each of its sites; so is
a roll-out that harms nobody. What is mended is changed again. Everything else is harmless: people log in, name devices, save templates,
and now and then somebody's script saves the settings of a third of the sites. How often is judgement, not measured anywhere.

Each day is drawn from a stream of its own, so that whoever asks for a window gets the same changes, and nothing else of a world changes
by them.

>>> from mist_pipeline.simulator.world.world import World
>>> world = World(sites=6, days=3, seed=5)
>>> day = world.start.timestamp()
>>> found = changes(world, day, day + 86_400)
>>> found == sorted(found, key=lambda one: one.at) and len(found) > 3
True
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from mist_pipeline.simulator.world.organisation import HOSTILE_NAMES, Site, stable_uuid
from mist_pipeline.simulator.world.scenario import Scenario
from mist_pipeline.simulator.world.world import World

_STREAM: Final = 71
_DAY: Final = 86_400
_MINUTE: Final = 60.0
_LOGINS_A_DAY: Final = 6.0
_TEMPLATES_A_DAY: Final = 0.6
_SCRIPTS_A_DAY: Final = 0.05
_SCRIPT_SHARE: Final = 0.3
_OF_A_SITE: Final = (
    ("Update Site Settings", "", 0.02),
    ('Update Device "{name}"', "device_id", 0.04),
    ('Update WLAN "{name}"', "wlan_id", 0.01),
)
"""Sentence, field with the id of what was changed, and how many a site and day."""
_OF_THE_ORGANISATION: Final = (
    ('Update WLAN Template "{name}"', "template_id", 0.15),
    ("Update Org Settings", "", 0.1),
    ('Invite Admin "jo.doe@example.com"', "", 0.1),
    ('Add Webhook "{name}"', "webhook_id", 0.05),
    ('Update Network "{name}"', "network_id", 0.05),
    ("Rotate Zigbee Pairing Codes", "", 0.05),
)
"""The same a day; those without known sites."""
NUM_WLAN_TEMPLATES: Final = 40
"""WLAN templates of the organisation; as many of whatever else has an id of its own."""

_NAMES: Final = ("Guests", "Corporate", "Tills", "Scanners", "Voice", *HOSTILE_NAMES[3:9])
_TEMPLATES: Final = (
    ("networktemplate_id", "Network Template"),
    ("rftemplate_id", "RF Template"),
    ("gatewaytemplate_id", "Gateway Template"),
)


@dataclass(frozen=True)
class ConfigChange:
    """One change.

    Attributes:
        at: Epoch seconds.
        change_id: Key.
        message: What the cloud calls it.
        site_id: Its site; None for one of the organisation.
        target: Field with the id of what was changed, and the id; None where the cloud says none.
        admin: Which of the administrators.
        incident_id: The true incident that it made; '' for a harmless one. Never visible over HTTP.
    """

    at: float
    change_id: str
    message: str
    site_id: str | None = None
    target: tuple[str, str] | None = None
    admin: int = 0
    incident_id: str = ""


def changes(world: World, start: float, end: float) -> list[ConfigChange]:
    """The changes of a window, oldest first.

    Args:
        world: Whose.
        start: Epoch seconds, included.
        end: Epoch seconds, not included.
    """
    found = [*_of_scenarios(world, start, end), *_harmless(world, start, end)]
    return sorted(
        (one for one in found if start <= one.at < end), key=lambda change: (change.at, change.change_id)
    )


def _of_scenarios(world: World, start: float, end: float) -> Iterator[ConfigChange]:
    sites = world.sites()
    told: set[str] = set()
    for number, scenario in enumerate(world.scenarios):
        if scenario.onset.timestamp() - _DAY > end or scenario.end.timestamp() + _DAY < start:
            continue
        incident = "" if scenario.is_decoy else world.incident_id(number)
        rng = np.random.default_rng([world.seed, _STREAM, 1, number])
        if "firmware" in scenario.cause:
            yield from _upgrades(world, number, scenario, rng, incident)
        elif "networktemplate_id" in scenario.cause:
            template = scenario.cause["networktemplate_id"]
            minutes = float(rng.uniform(1.0, 10.0))
            if incident not in told:
                told.add(incident)
                yield ConfigChange(
                    _whole(scenario.onset.timestamp() - minutes * _MINUTE),
                    _id(world, "template", number),
                    f'Update Network Template "{_template_name(template)}"',
                    target=("networktemplate_id", template),
                    admin=1,
                    incident_id=incident,
                )
            for index in scenario.sites:
                at = scenario.end.timestamp() - float(rng.uniform(1.0, 10.0)) * _MINUTE
                yield ConfigChange(
                    _whole(at),
                    _id(world, "mended", number, index),
                    "Update Site Settings",
                    sites[index].site_id,
                    admin=1,
                )


def _upgrades(
    world: World, number: int, scenario: Scenario, rng: np.random.Generator, incident: str
) -> Iterator[ConfigChange]:
    """One site after another, within an hour; and back, where the firmware is replaced before the world ends."""
    versions = [(scenario.onset, scenario.cause["firmware"], incident)]
    if scenario.end < world.end:
        versions.append((scenario.end, "", ""))
    for step, (moment, version, made) in enumerate(versions):
        for index in scenario.sites:
            at = moment.timestamp() - float(rng.uniform(5.0, 60.0)) * _MINUTE
            name = version or world.firmware(scenario.cause["model"], index, scenario.end)
            yield ConfigChange(
                _whole(at),
                _id(world, "upgrade", number, step, index),
                f'Upgrade Devices "{scenario.cause["model"]} to {name}"',
                world.sites()[index].site_id,
                admin=2,
                incident_id=made,
            )


def _harmless(world: World, start: float, end: float) -> Iterator[ConfigChange]:
    for day in range(int(start // _DAY), int((end - 1) // _DAY) + 1):
        yield from _of_day(world, day)


def _of_day(world: World, day: int) -> Iterator[ConfigChange]:
    rng = np.random.default_rng([world.seed, _STREAM, 2, day])
    noon = datetime.fromtimestamp((day + 0.5) * _DAY, UTC)
    sites = world.sites_at(noon)
    drawn: list[tuple[str, str, list[Site] | None, float]] = [
        ('Accessed Org "{name}"', "", None, _LOGINS_A_DAY)
    ]
    drawn += [(message, field, None, rate) for message, field, rate in _OF_THE_ORGANISATION]
    drawn += [(message, field, sites, rate * len(sites)) for message, field, rate in _OF_A_SITE]
    for message, field, where, rate in drawn:
        for _ in range(int(rng.poisson(rate))):
            number, site = int(rng.integers(1 << 30)), _any(where, rng)
            name = str(rng.choice(_NAMES))
            target = (field, _target_id(world, field, number)) if field else None
            yield ConfigChange(
                _in_the_day(day, rng),
                _id(world, day, message, number),
                message.format(name=name),
                None if site is None else site.site_id,
                target,
                int(rng.integers(4)),
            )
    for _ in range(int(rng.poisson(_TEMPLATES_A_DAY)) if sites else 0):
        field, words = _TEMPLATES[int(rng.integers(len(_TEMPLATES)))]
        site, number = sites[int(rng.integers(len(sites)))], int(rng.integers(1 << 30))
        template = getattr(site, field)
        if template is not None:
            yield ConfigChange(
                _in_the_day(day, rng),
                _id(world, day, field, number),
                f'Update {words} "{_template_name(template)}"',
                target=(field, template),
                admin=int(rng.integers(4)),
            )
    for script in range(int(rng.poisson(_SCRIPTS_A_DAY))):
        at = _in_the_day(day, rng)
        for site in sites:
            if rng.random() < _SCRIPT_SHARE:
                later = _whole(at + float(rng.uniform(0.0, 20.0)) * _MINUTE)
                change_id = _id(world, day, "script", script, site.index)
                yield ConfigChange(later, change_id, "Update Site Settings", site.site_id, admin=3)


def wlan_template_id(world: World, number: int) -> str:
    """Of one of the WLAN templates."""
    return _target_id(world, "template_id", number)


def _target_id(world: World, field: str, number: int) -> str:
    return stable_uuid(world.seed, field, number % NUM_WLAN_TEMPLATES)


def _any(sites: Sequence[Site] | None, rng: np.random.Generator) -> Site | None:
    return sites[int(rng.integers(len(sites)))] if sites else None


def _in_the_day(day: int, rng: np.random.Generator) -> float:
    """Most people work by day, as far as an organisation of several continents has one."""
    return _whole((day + float(np.clip(rng.normal(0.55, 0.17), 0.0, 0.999))) * _DAY)


def _template_name(template_id: str) -> str:
    return f"Template {template_id[:4]}"


def _id(world: World, *parts: object) -> str:
    return stable_uuid(world.seed, "audit", *parts)


def _whole(at: float) -> float:
    return round(at, 3)
