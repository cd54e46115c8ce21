"""The size of an incident, for tests."""

from dataclasses import replace
from typing import Any

from mist_pipeline.alerts.impacts.model import HitClient, HitDevice, Impact
from mist_pipeline_tests.support.alerts.histories import HOUR, START


def impact(**changes: Any) -> Impact:
    """Something in every column; a device and a client with names."""
    base = Impact(
        incident_id="i1",
        as_of=START,
        occasion="opened",
        severity="major",
        num_sites=2,
        num_sites_asked=1,
        window_start=START - HOUR,
        window_end=START,
        num_users=4,
        lost_user_minutes=90.5,
        devices=(HitDevice("ap", "5c5b35000001", "<b>AP</b>", "s1", 12.0),),
        parts={"wlan": {"Guest": 0.75, "Corp": 0.25}},
        clients=(HitClient("anna's phone", "a483e7390000", "10.0.0.9", "s1"),),
        unknown="devices: why",
    )
    return replace(base, **changes)
