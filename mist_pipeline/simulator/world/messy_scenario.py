"""Troubles and decoys of a messy organisation: partial, intermittent, shared, creeping, in stages.

The functions build scenarios to hand to `World(scenarios=[…])`, as those of `scenario` do; an incident with several parts is a
list. Sizes are judgement with the reason beside them, not fitted to any organisation and not chosen by what is found.

>>> from datetime import UTC, datetime
>>> brown_out([0], datetime(2026, 3, 2, 9, 5, tzinfo=UTC), country_code="DE").end.isoformat()
'2026-03-02T09:45:00+00:00'
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mist_pipeline.simulator.world.scenario import NO_CAUSE, Effect, Scenario, effect

BROWN_OUT_MINUTES: Final = 40


def intermittent(site: int, onset: datetime, hours: float, *, peak: float = 0.8) -> Scenario:
    """Ten minutes of every hour a server does not answer: connecting takes long, or fails.

    A load balancer with six servers, one of them dead, or a job at every full hour; in those minutes most fail.
    """
    effects = (
        effect("time-to-connect", peak, "authorization"),
        effect("successful-connect", 0.7 * peak, "authorization"),
    )
    end = onset + timedelta(hours=hours)
    return Scenario("intermittent", (site,), onset, end, "connect", "intermittent", effects)


def dead_access_point(site: int, num_aps: int, onset: datetime, *, hours: float = 48.0) -> Scenario:
    """One access point of many is dead: its users hang on to the neighbours, two walls away.

    Three of four of them are left with a weak signal, and half with little throughput; availability loses one AP.
    """
    share = 1.0 / num_aps
    effects = (
        effect("coverage", 0.75 * share),
        effect("throughput", 0.5 * share, "coverage"),
        effect("ap-health", share, "ap-disconnected-ap-unreachable"),
    )
    end = onset + timedelta(hours=hours)
    return Scenario("dead_access_point", (site,), onset, end, "ap", "step", effects, offline=share)


def pool_exhaustion(site: int, first_lunch: datetime, weeks: int, *, peak: float = 0.6) -> Scenario:
    """A DHCP pool runs out for an hour and a half at lunchtime on workdays, worse every week.

    Whoever has a lease keeps it: only newcomers fail, in the last week three of five. The window stands still in UTC: half a
    year's shift of the clock moves lunch by an hour, as a lease's end does not.
    """
    effects = (
        effect("successful-connect", peak, "dhcp-discover-unresponsive"),
        effect("time-to-connect", 0.8 * peak, "dhcp-unresponsive"),
    )
    end = first_lunch + timedelta(days=7 * weeks - 2)
    return Scenario("pool_exhaustion", (site,), first_lunch, end, "connect", "lunchtime", effects)


def radius_creep(sites: Sequence[int], onset: datetime, days: float, *, sitegroup_id: str) -> Scenario:
    """A RADIUS server gets slower for weeks, for all sites that ask it; some logins time out before it is mended."""
    effects = (
        effect("time-to-connect", 0.45, "authorization"),
        effect("successful-connect", 0.12, "authorization"),
    )
    cause = {"sitegroup_id": sitegroup_id, "service": "radius"}
    end = onset + timedelta(days=days)
    return Scenario("radius_creep", tuple(sites), onset, end, "connect", "linear", effects, cause=cause)


def radar(site: int, onset: datetime, days: float) -> Scenario:
    """Radar on the channels: for twenty minutes, again and again, access points have to leave them (DFS).

    Clients are thrown off, and share the few channels without radar while a channel stays forbidden (30 minutes).
    """
    effects = (
        effect("capacity", 0.6, "non-wifi-interference"),
        effect("throughput", 0.5, "capacity-non-wifi-interference"),
        effect("roaming", 0.3, "signal-quality-interband-roam"),
    )
    end = onset + timedelta(days=days)
    return Scenario("radar", (site,), onset, end, "radio", "bursts", effects)


def wrong_template(
    stages: Sequence[tuple[Sequence[int], float]], onset: datetime, *, networktemplate_id: str
) -> list[Scenario]:
    """A wrong VLAN in a network template: no addresses at its sites at once, mended site by site.

    Args:
        stages: Sites, and after how many hours they are mended.
        onset: When the template was saved.
        networktemplate_id: The template.
    """
    # One of several networks is wrong: who uses it fails always, so about half of all do.
    effects = (
        effect("successful-connect", 0.5, "dhcp-incomplete"),
        effect("time-to-connect", 0.5, "dhcp-stuck"),
    )
    return [
        Scenario(
            "wrong_template",
            tuple(sites),
            onset,
            onset + timedelta(hours=hours),
            "connect",
            "step",
            effects,
            cause={"networktemplate_id": networktemplate_id},
            incident=f"template {networktemplate_id} {onset.isoformat()}",
        )
        for sites, hours in stages
        if sites
    ]


def split_firmware(
    first: tuple[str, Sequence[int]],
    second: tuple[str, Sequence[int]],
    onset: datetime,
    days: float,
    firmware: str,
) -> list[Scenario]:
    """One firmware for all models: one model loses packets, the other is slow to let clients in. Two faces, one cause.

    Args:
        first: A model, and the sites that have mainly this one.
        second: Another model, likewise.
        onset: When it was rolled out.
        days: Until it was replaced.
        firmware: Its version.
    """
    harms: tuple[tuple[Effect, ...], ...] = (
        (effect("throughput", 0.3, "network-issues"), effect("coverage", 0.15, "asymmetry-uplink")),
        (effect("time-to-connect", 0.35, "association"), effect("successful-connect", 0.2, "association")),
    )
    return [
        Scenario(
            "split_firmware",
            tuple(sites),
            onset,
            onset + timedelta(days=days),
            family,
            "step",
            effects,
            cause={"model": model, "firmware": firmware},
            incident=f"firmware {firmware} {onset.isoformat()}",
        )
        for (model, sites), family, effects in zip((first, second), ("radio", "connect"), harms, strict=True)
        if sites
    ]


def brown_out(sites: Sequence[int], onset: datetime, *, country_code: str) -> Scenario:
    """A provider drops packets for forty minutes in one country: nothing is down, everything that leaves a site is slow.

    Throughput suffers most; logins reach the servers late, and some time out; the WAN's own figures show the cause.
    """
    effects = (
        effect("throughput", 0.6, "network-issues"),
        effect("time-to-connect", 0.5, "IP-Services"),
        effect("successful-connect", 0.3, "authorization"),
        effect("wan-link-health", 0.8, "network-loss"),
        effect("application-health", 0.7, "loss"),
    )
    end = onset + timedelta(minutes=BROWN_OUT_MINUTES)
    cause = {"country_code": country_code}
    return Scenario(
        "brown_out", tuple(sites), onset, end, "radio", "step", effects, cause=cause, is_exact=True
    )


def expired_certificate(sites: Sequence[int], midnight: datetime, hours: float) -> Scenario:
    """The RADIUS server's certificate expires at midnight: who was in stays in, who comes is refused, at every site.

    Those with another network (guests, keys) still come in: seven of ten fail.
    """
    effects = (
        effect("successful-connect", 0.7, "authorization"),
        effect("time-to-connect", 0.55, "authorization"),
    )
    end = midnight + timedelta(hours=hours)
    cause = {"service": "radius", "certificate": "expired"}
    return Scenario(
        "expired_certificate", tuple(sites), midnight, end, "connect", "step", effects, cause=cause
    )


def outgrown(site: int, onset: datetime, days: float = 30.0) -> Scenario:
    """Sixty per cent more users within a month on the same access points, until more are mounted."""
    effects = (
        effect("capacity", 0.35, "client-count"),
        effect("throughput", 0.2, "capacity-excessive-client-load"),
    )
    end = onset + timedelta(days=days)
    return Scenario("outgrown", (site,), onset, end, "radio", "linear", effects, load=1.6)


def cascade(site: int, onset: datetime, hours: float) -> list[Scenario]:
    """A switch dies, half of the access points with it; those that are left are full after minutes, then refuse clients."""
    end, name = onset + timedelta(hours=hours), f"cascade {site} {onset.isoformat()}"
    steps = (
        (0, "ap", (effect("ap-health", 0.5, "ap-disconnected-switch-down"), effect("coverage", 0.25)), 0.5),
        (10, "radio", (effect("capacity", 0.4, "client-count"),), 0.0),
        (
            25,
            "connect",
            (
                effect("successful-connect", 0.35, "association"),
                effect("time-to-connect", 0.4, "association"),
            ),
            0.0,
        ),
    )
    return [
        Scenario(
            "cascade",
            (site,),
            onset + timedelta(minutes=minutes),
            end,
            family,
            "step",
            effects,
            offline=offline,
            cause={"device": "switch"},
            incident=name,
            is_exact=minutes > 0,
        )
        for minutes, family, effects, offline in steps
    ]


def minor_trouble(site: int, onset: datetime, hours: float) -> Scenario:
    """Three of a hundred connections fail for some hours: real, and not worth telling."""
    effects = (effect("successful-connect", 0.03, "dns"), effect("time-to-connect", 0.03, "IP-Services"))
    end = onset + timedelta(hours=hours)
    return Scenario("minor_trouble", (site,), onset, end, "connect", "step", effects)


def stuck_client(site: int, onset: datetime, days: float, metric: str = "successful-connect") -> Scenario:
    """One client tries day and night and never gets in: whose network is not at fault. Decoy."""
    end = onset + timedelta(days=days)
    return Scenario(
        "stuck_client", (site,), onset, end, "connect", "step", is_decoy=True, stuck_metric=metric
    )


def cloud_gap(sites: Sequence[int], onset: datetime, hours: float) -> Scenario:
    """The cloud has lost its measurements of some hours; every site is well, and every device connected. Decoy."""
    end = onset + timedelta(hours=hours)
    return Scenario("cloud_gap", tuple(sites), onset, end, "device", "step", is_gap=True, is_decoy=True)


def emptied(kind: str, sites: Sequence[int], onset: datetime, days: float, *, name: str = "") -> Scenario:
    """Nearly nobody comes for days: a term break, a move, a site before its removal. Decoy."""
    end = onset + timedelta(days=days)
    cause = {"holiday": name} if name else NO_CAUSE
    return Scenario(kind, tuple(sites), onset, end, "load", load=0.03, cause=cause, is_decoy=True)
