"""How each service level behaves in this world: typical degraded share, noise, exposure, raw measurement, classifiers.

The numbers are judgement, chosen so that a healthy site scores 90–99 and its worst hours are skewed; they are not
fitted to any organisation. `measurements` does the arithmetic.
"""

from dataclasses import dataclass
from typing import Final

from mist_pipeline.domain.metrics import CATALOGUE


@dataclass(frozen=True)
class MetricProfile:
    """One metric of the simulated cloud.

    Attributes:
        share: Typical share of degraded user-minutes at a healthy site.
        spread: Standard deviation of the logarithm of the share, hour by hour (overdispersion and skew).
        episode_minutes: Mean length of one bad episode of one user: longer ones make fewer, lumpier counts.
        exposure: User-minutes that count for it, as a share of the minutes that users were there.
        load: How much of the share follows the load (0 none, 1 all).
        good: Raw measurement where nothing is degraded, in the unit of the catalogue; None if the cloud sends none.
        bad: Raw measurement where everything is degraded.
        classifiers: Name → typical weight.
    """

    share: float
    spread: float
    episode_minutes: float
    exposure: float
    load: float
    good: float | None
    bad: float
    classifiers: dict[str, float]


PROFILES: Final[dict[str, MetricProfile]] = {
    "capacity": MetricProfile(
        0.03, 0.55, 12.0, 1.0, 0.7, 74.0, 18.0,
        {"wifi-interference": 4.0, "non-wifi-interference": 2.0, "client_usage": 1.5, "client-count": 1.0},
    ),
    "coverage": MetricProfile(
        0.05, 0.42, 25.0, 1.0, 0.0, -57.0, -79.0,
        {"weak-signal": 6.0, "asymmetry-downlink": 1.0, "asymmetry-uplink": 1.5},
    ),
    "roaming": MetricProfile(
        0.03, 0.75, 5.0, 0.2, 0.2, 0.06, 2.6,
        {
            "latency-slow-standard-roam": 3.0, "latency-slow-11r-roam": 1.0, "latency-slow-okc-roam": 0.5,
            "stability-failed-to-fast-roam": 1.0, "signal-quality-suboptimal-roam": 2.0,
            "signal-quality-sticky-client": 1.5, "signal-quality-interband-roam": 0.5,
        },
    ),
    "successful-connect": MetricProfile(
        0.02, 0.95, 4.0, 0.3, 0.1, 100.0, 0.0,
        {
            "association": 1.5, "authorization": 3.0, "dns": 0.7, "dhcp-incomplete": 0.7, "dhcp-nack": 0.5,
            "dhcp-discover-unresponsive": 1.0, "dhcp-renew-unresponsive": 0.6, "arp": 0.5,
        },
    ),
    "throughput": MetricProfile(
        0.035, 0.50, 15.0, 1.0, 0.5, 96.0, 6.0,
        {
            "network-issues": 1.0, "coverage": 3.0, "device-capability": 1.5, "capacity-non-wifi-interference": 0.8,
            "capacity-wifi-interference": 2.0, "capacity-excessive-client-load": 1.0,
            "capacity-high-bandwidth-utilization": 0.7,
        },
    ),
    "time-to-connect": MetricProfile(
        0.045, 0.75, 5.0, 0.3, 0.2, 1.1, 11.0,
        {
            "association": 2.0, "authorization": 3.0, "dhcp-nack": 0.5, "dhcp-stuck": 1.0, "dhcp-unresponsive": 1.0,
            "IP-Services": 0.8,
        },
    ),
    "ap-health": MetricProfile(
        0.012, 1.00, 30.0, 1.0, 0.0, None, 0.0,
        {
            "low-power": 1.0, "ap-disconnected-ap-reboot": 1.0, "ap-disconnected-ap-unreachable": 1.0,
            "ap-disconnected-switch-down": 0.3, "ap-disconnected-site-down": 0.2, "ethernet-ethernet-errors": 0.7,
            "ethernet-speed-mismatch": 0.5, "network-jitter": 1.0, "network-latency": 1.0, "network-tunnel-down": 0.3,
        },
    ),
    "ap-availability": MetricProfile(
        0.004, 1.00, 20.0, 1.0, 0.0, 100.0, 0.0,
        {
            "ap-disconnected-ap-reboot": 1.0, "ap-disconnected-ap-unreachable": 1.0,
            "ap-disconnected-switch-down": 0.3, "ap-disconnected-site-down": 0.1,
        },
    ),
    "switch-health": MetricProfile(
        0.006, 0.90, 20.0, 1.0, 0.0, None, 0.0,
        {"switch-unreachable": 1.0, "capacity": 0.5, "network": 0.5, "system": 1.0},
    ),
    "switch-bandwidth": MetricProfile(
        0.015, 0.60, 10.0, 1.0, 0.3, None, 0.0, {"congestion": 1.0, "bandwidth-headroom": 1.5}
    ),
    "switch-throughput": MetricProfile(
        0.012, 0.60, 10.0, 1.0, 0.3, None, 0.0,
        {"congestion-uplink": 1.0, "interface-anomalies-cable-issues": 0.5, "interface-anomalies-negotiation-failed": 0.5},
    ),
    "gateway-health": MetricProfile(
        0.005, 0.90, 20.0, 1.0, 0.0, None, 0.0, {"gateway-disconnected": 1.0, "power": 0.3, "dhcp-pool-headroom": 0.7}
    ),
    "wan-link-health": MetricProfile(
        0.012, 0.80, 12.0, 1.0, 0.1, None, 0.0,
        {"network-latency": 1.0, "network-jitter": 1.0, "network-loss": 1.0, "interface-congestion": 0.7},
    ),
    "application-health": MetricProfile(
        0.04, 0.50, 8.0, 1.0, 0.2, None, 0.0, {"latency": 1.0, "jitter": 1.0, "loss": 1.0, "application-services": 0.5}
    ),
}  # fmt: skip
"""Every metric of the catalogue; classifiers in the cloud's own spelling, which varies."""

METRICS: Final = tuple(CATALOGUE)
"""Canonical names; the position is the metric's address in the random streams and must not change."""
