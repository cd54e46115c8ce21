"""The organisation: sites with their zones, groups, devices, hours and habits, drawn once from the seed.

Everything here is fixed for the life of a world; what changes with time is in `scenario` (firmware, incidents) and
`measurements` (users, service levels).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np

Noise = Literal["usual", "heavy_tails", "night_bursts", "two_states"]
"""What the healthy hours of a site are like."""

ORG_ID: Final = "8d3f0c56-1b7a-4e9d-9c25-6f4a7e1b2d90"
MSP_ID: Final = "2c9e7f14-6a3b-4d08-b5f1-0e8d7c6b5a49"

HOSTILE_NAMES: Final = (
    "Riverside",
    "Riverside",
    "",
    "<script>alert(1)</script>",
    "Line one\nLine two",
    "Café 🥐 Zürich – № 5",
    "=cmd|' /C calc'!A0",
    "*bold* <!channel> <@U123> `code` & |pipe|",
    "'; DROP TABLE sites; --",
    "../../etc/passwd",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 240,
)
"""Names that harm a program that trusts them: duplicates, nothing, markup, lines, spreadsheets, mrkdwn, SQL, paths, templates."""

_PLACES: Final = (
    ("Europe/London", "GB", 52.5, -1.5),
    ("Europe/Berlin", "DE", 51.0, 10.0),
    ("America/New_York", "US", 40.5, -74.5),
    ("Asia/Kolkata", "IN", 21.0, 78.0),
    ("America/Los_Angeles", "US", 36.0, -119.5),
    ("Australia/Adelaide", "AU", -34.5, 138.5),
    ("Asia/Tokyo", "JP", 35.7, 139.5),
    ("America/St_Johns", "CA", 47.5, -52.8),
    ("UTC", "GB", 51.5, 0.0),
    ("Australia/Lord_Howe", "AU", -31.5, 159.0),
)
ZONES: Final = tuple(place[0] for place in _PLACES)

AP_MODELS: Final = ("AP45", "AP34", "AP43", "AP33", "AP12")
FIRMWARE: Final = {
    "AP45": "0.14.29543",
    "AP34": "0.14.29411",
    "AP43": "0.12.27452",
    "AP33": "0.12.27139",
    "AP12": "0.10.24626",
}
"""What each AP model runs before any roll-out."""
SWITCH_MODEL: Final = "EX4100-48P"
SWITCH_VERSION: Final = "22.4R3.25"
GATEWAY_MODELS: Final = ("SRX320", "SSR120")
GATEWAY_VERSIONS: Final = {"SRX320": "21.2R3-S6.11", "SSR120": "6.2.5-5R2"}

_AT_HOME: Final = 0.85
_STREETS: Final = ("High Street", "Station Road", "Mill Lane", "Market Square", "Harbour Way", "Kings Road")
_TOWNS: Final = (
    "Ashford",
    "Bramley",
    "Coldwater",
    "Dunmore",
    "Eastleigh",
    "Fairview",
    "Glenwood",
    "Hartfield",
)


@dataclass(frozen=True)
class Site:
    """One site as it was built.

    Attributes:
        index: Position in the organisation; the site axis of every array.
        site_id: The only key; names repeat.
        name: Text of people, hostile.
        timezone: IANA name.
        country_code: Two letters; decides the public holidays.
        latitude: Degrees.
        longitude: Degrees.
        address: Text of people.
        sitegroup_ids: Its region first, then special groups.
        networktemplate_id: Shared by sites built alike.
        rftemplate_id: Shared by sites built alike.
        gatewaytemplate_id: Shared by sites behind one provider, or None without a gateway.
        ap_models: Main model, then the model of the others (may be the same).
        num_main_aps: How many APs are of the main model.
        num_aps: All APs.
        num_switches: Switches.
        num_gateways: 0 or 1.
        gateway_model: None without a gateway.
        opens: Local hour.
        closes: Local hour; 0 to 24 is always open.
        week: Factor of presence by weekday, Monday first.
        night: Share of people outside opening hours.
        peak_clients: Expected clients in the busiest hour.
        wired_clients: Machines on the switches, day and night.
        quality: Factor on every base share of degraded minutes; chronic sites stand out.
        chronic_family: The metric family that is mediocre here for ever, or None.
        unsupported: Metrics that this site cannot report.
        underscores: Whether its site endpoints spell metrics with underscores.
        since: When it was opened, or None for before the world's start.
        kind: shop, office, warehouse or idle.
        until: When it was removed, or None.
        growth: How much its number of users grows in 30 days, as a share.
        noise: Its noise family (`noise`).
    """

    index: int
    site_id: str
    name: str
    timezone: str
    country_code: str
    latitude: float
    longitude: float
    address: str
    sitegroup_ids: tuple[str, ...]
    networktemplate_id: str
    rftemplate_id: str
    gatewaytemplate_id: str | None
    ap_models: tuple[str, str]
    num_main_aps: int
    num_aps: int
    num_switches: int
    num_gateways: int
    gateway_model: str | None
    opens: float
    closes: float
    week: tuple[float, ...]
    night: float
    peak_clients: float
    wired_clients: int
    quality: float
    chronic_family: str | None
    unsupported: frozenset[str]
    underscores: bool
    since: datetime | None
    kind: str
    until: datetime | None = None
    growth: float = 0.0
    noise: Noise = "usual"

    def exists_at(self, moment: datetime) -> bool:
        """Whether it belongs to the organisation at a moment."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def num_of_model(self, model: str) -> int:
        """How many of its APs are of a model."""
        main, other = self.ap_models
        return self.num_main_aps * (main == model) + (self.num_aps - self.num_main_aps) * (other == model)


def stable_uuid(seed: int, *parts: object) -> str:
    """A UUID that depends on the world's seed and these parts only."""
    return str(uuid.uuid5(uuid.UUID(ORG_ID), ":".join(str(part) for part in (seed, *parts))))


def build(
    *,
    sites: int,
    seed: int,
    start: datetime,
    days: int,
    timezones: Sequence[str] | None = None,
) -> tuple[Site, ...]:
    """Draw an organisation.

    From eight sites on it holds every special case: an idle site, one that opens midway, one without `roaming`, a
    chronically mediocre one, tiny ones and a large one.

    Args:
        sites: How many.
        seed: Of the world.
        start: Start of the world, UTC.
        days: Length of the world; the new site opens in its middle.
        timezones: IANA names to draw from; by default ten of five continents, with half-hour zones and both hemispheres.

    Raises:
        ValueError: For a zone that this world has no place for.
    """
    places = [place for place in _PLACES if timezones is None or place[0] in timezones]
    unknown = sorted(set(timezones or ()) - set(ZONES))
    if unknown:
        raise ValueError(f"no place for timezones {unknown}: choose from {sorted(ZONES)}")
    rng = np.random.default_rng([seed, 11])
    num_groups = max(4, sites // 14)
    return tuple(
        _site(index, sites, rng, seed, places, num_groups, start + timedelta(days=days // 2))
        for index in range(sites)
    )


def _special(index: int, sites: int) -> str:
    """The special case that a site is, from the far end of the organisation."""
    if sites < 8:
        return ""
    cases = ("idle", "new", "unsupported", "chronic", "tiny", "large")
    place = sites - 1 - index
    if place < len(cases):
        return cases[place]
    return "chronic" if place % 13 == 0 else ""


def _site(
    index: int,
    sites: int,
    rng: np.random.Generator,
    seed: int,
    places: Sequence[tuple[str, str, float, float]],
    num_groups: int,
    midway: datetime,
) -> Site:
    special = _special(index, sites)
    weights = 1.0 / (1.0 + np.arange(len(places)))
    group = index % num_groups
    drawn = int(rng.choice(len(places), p=weights / weights.sum()))
    # A group is mostly a region, with some of its sites elsewhere.
    is_at_home = rng.random() < _AT_HOME
    zone, country, latitude, longitude = places[group % len(places) if is_at_home else drawn]
    kind = (
        "idle" if special == "idle" else str(rng.choice(["shop", "office", "warehouse"], p=[0.55, 0.3, 0.15]))
    )
    opens, closes, week, night = _habits(kind, rng)
    num_aps = _num_aps(special, rng)
    clients_per_ap = float(rng.lognormal(np.log(9.0), 0.35))
    peak = 0.0 if special == "idle" else max(3.0, num_aps * clients_per_ap)
    if special == "tiny" or (num_aps <= 2 and special == ""):
        peak = float(rng.uniform(3.0, 10.0))
    models = [
        str(model) for model in rng.choice(AP_MODELS, size=2, replace=False, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    ]
    main = num_aps if rng.random() < 0.5 or num_aps < 3 else int(num_aps * rng.uniform(0.55, 0.9))
    gateway = str(rng.choice(GATEWAY_MODELS)) if rng.random() < 0.85 else None
    town = f"{_TOWNS[int(rng.integers(len(_TOWNS)))]} {index + 1:04d}"
    groups = [stable_uuid(seed, "group", group)]
    if num_aps >= 30:
        groups.append(stable_uuid(seed, "group", "flagship"))
    return Site(
        index=index,
        site_id=stable_uuid(seed, "site", index),
        name=HOSTILE_NAMES[index - 1] if 1 <= index <= len(HOSTILE_NAMES) else town,
        timezone=zone,
        country_code=country,
        latitude=round(latitude + float(rng.uniform(-1.5, 1.5)), 6),
        longitude=round(longitude + float(rng.uniform(-1.5, 1.5)), 6),
        address=f"{int(rng.integers(1, 300))} {_STREETS[int(rng.integers(len(_STREETS)))]}, {town}, {country}",
        sitegroup_ids=tuple(groups),
        networktemplate_id=stable_uuid(seed, "networktemplate", int(rng.integers(3))),
        rftemplate_id=stable_uuid(seed, "rftemplate", int(rng.integers(4))),
        gatewaytemplate_id=None
        if gateway is None
        else stable_uuid(seed, "gatewaytemplate", int(rng.integers(3))),
        ap_models=(models[0], models[1]),
        num_main_aps=main,
        num_aps=num_aps,
        num_switches=max(1, -(-num_aps // 16)),
        num_gateways=0 if gateway is None else 1,
        gateway_model=gateway,
        opens=opens,
        closes=closes,
        week=week,
        night=night,
        peak_clients=peak,
        wired_clients=0 if special == "idle" else max(2, int(num_aps * rng.uniform(0.5, 2.0))),
        quality=float(rng.lognormal(0.0, 0.3)),
        chronic_family=str(rng.choice(["radio", "connect", "roaming"])) if special == "chronic" else None,
        unsupported=frozenset({"roaming"}) if special == "unsupported" else frozenset(),
        underscores=bool(rng.random() < 0.35),
        since=midway if special == "new" else None,
        kind=kind,
    )


def _habits(kind: str, rng: np.random.Generator) -> tuple[float, float, tuple[float, ...], float]:
    """Opening and closing hour, factor of each weekday, share that stays at night."""
    if kind == "office":
        start = float(rng.integers(7, 10))
        return start, start + 10.0, (1.0, 1.0, 1.0, 0.97, 0.8, 0.06, 0.04), float(rng.uniform(0.01, 0.04))
    if kind == "warehouse":
        return 0.0, 24.0, (1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 0.5), float(rng.uniform(0.3, 0.5))
    start = float(rng.integers(8, 11))
    sunday = float(rng.choice([0.0, 0.7], p=[0.3, 0.7]))
    week = (0.8, 0.8, 0.85, 0.9, 1.0, 1.2, sunday)
    return start, start + float(rng.integers(9, 13)), week, float(rng.uniform(0.0, 0.04))


def _num_aps(special: str, rng: np.random.Generator) -> int:
    if special == "tiny":
        return int(rng.integers(1, 4))
    if special == "large":
        return int(rng.integers(200, 501))
    return int(np.clip(np.round(rng.lognormal(np.log(10.0), 0.8)), 2, 120))
