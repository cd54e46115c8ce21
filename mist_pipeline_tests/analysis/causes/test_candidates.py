"""Candidate causes: planted shared faults are named, coincidences are not, fingerprints are stable."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.causes.candidates import (
    CauseSettings,
    base_rates,
    candidate_causes,
    cause_fingerprint,
)
from mist_pipeline.analysis.causes.wording import service
from mist_pipeline.tables import analysis

DAY = date(2026, 11, 20)
FLAGS = {
    "day": pl.Date,
    "site_id": pl.String,
    "metric": pl.String,
    "family": pl.String,
    "is_degraded": pl.Boolean,
    "classifier": pl.String,
}
NO_RATES = pl.DataFrame(schema={"site_id": pl.String, "family": pl.String, "rate": pl.Float64})


def organisation(count: int = 60, names: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Sites s000 …: groups of 15 by number, model and firmware in other rhythms, two countries."""
    return pl.DataFrame(
        [
            (
                f"s{i:03d}",
                (names or {}).get(f"s{i:03d}", f"Shop {i}"),
                "DE" if i % 2 else "FR",
                [f"g{i // 15}"],
                json.dumps(
                    {
                        "models": {"AP45" if i % 3 == 0 else "AP34": 10},
                        "firmware": {"0.14" if i % 4 == 0 else "0.12": 10},
                        "templates": [f"t{i % 5}"],
                        "gateway": f"SRX3{i % 2}0",
                    }
                ),
            )
            for i in range(count)
        ],
        schema={
            "site_id": pl.String,
            "name": pl.String,
            "country_code": pl.String,
            "sitegroup_ids": pl.List(pl.String),
            "attributes": pl.String,
        },
        orient="row",
    )


def flags(
    degraded: Mapping[str, str],
    judged: list[str],
    metric: str = "time-to-connect",
    family: str = "connect",
    day: date = DAY,
) -> pl.DataFrame:
    """Flags of one day: degraded sites with their classifier, everyone else of ``judged`` fine."""
    return pl.DataFrame(
        [(day, s, metric, family, s in degraded, degraded.get(s) or None) for s in judged],
        schema=FLAGS,
        orient="row",
    )


def ids(numbers: range | list[int]) -> list[str]:
    return [f"s{i:03d}" for i in numbers]


EVERYONE = ids(range(60))


def test_a_dhcp_failure_of_a_group_is_one_cause_with_its_sites_and_its_words() -> None:
    hit = [site for site in ids(range(15)) if site != "s004"]
    found = candidate_causes(
        flags(dict.fromkeys(hit, "dhcp-unresponsive"), EVERYONE),
        organisation(),
        NO_RATES,
        names={"g0": "North"},
    )
    (row,) = found.rows(named=True)
    assert (
        row["cause"]
        == "DHCP server does not answer at 14 of 15 sites of group North → DHCP service of that group"
    )
    assert row["scope"] == "infrastructure"
    assert row["site_ids"] == hit
    assert row["metrics"] == ["time-to-connect"]
    assert row["p_value"] < 1e-6
    assert row["cause_fingerprint"] == cause_fingerprint("infrastructure", "site_group", "g0", "connect")
    evidence = json.loads(row["evidence"])
    assert evidence["degraded_in_group"] == 14
    assert evidence["group_size"] == 15
    assert evidence["judged_total"] == 60
    assert evidence["classifier_sites"] == 14


def test_columns_are_those_of_the_table() -> None:
    empty = candidate_causes(flags({}, EVERYONE), organisation(), NO_RATES)
    assert dict(empty.schema) == analysis.INCIDENTS.polars_schema()
    assert empty.is_empty()


def test_a_bad_firmware_of_one_model_is_distinguished_from_the_model_and_from_the_firmware() -> None:
    count = 240
    sites = organisation(count)
    everyone = ids(range(count))
    bad = ids([i for i in range(count) if i % 3 == 0 and i % 4 == 0 and i != 12])
    unrelated = {"s001": "", "s050": "", "s123": ""}
    found = candidate_causes(
        flags(
            {**dict.fromkeys(bad, "stability-failed-to-fast-roam"), **unrelated},
            everyone,
            "roaming",
            "roaming",
        ),
        sites,
        NO_RATES,
    )
    shared = found.filter(pl.col("scope") == "infrastructure")
    assert shared.select("attribute", "value").rows() == [("firmware_of_model", "0.14 on AP45")]
    assert shared["cause"][0] == (
        "Fast roaming failed at 19 of 20 sites with firmware 0.14 on AP45 → "
        "firmware 0.14 on AP45 (roaming (fast roam fails))"
    )
    assert sorted(found.filter(pl.col("scope") == "site")["value"]) == sorted(unrelated)


def test_scattered_troubles_stay_causes_of_their_sites() -> None:
    hit = {"s003": "dns", "s018": "dns", "s031": "", "s047": "dhcp-stuck"}
    found = candidate_causes(flags(hit, EVERYONE), organisation(names={"s031": "Main Street"}), NO_RATES)
    assert found["scope"].unique().to_list() == ["site"]
    causes = dict(found.select("value", "cause").iter_rows())
    assert causes["s003"] == "DNS at Shop 3 → DNS service of this site"
    assert causes["s031"] == "Connecting worse than usual at Main Street → connecting of this site"
    assert found["p_value"].is_null().all()


def test_two_sites_of_a_group_on_one_day_are_a_coincidence() -> None:
    found = candidate_causes(flags({"s000": "dns", "s001": "dns"}, EVERYONE), organisation(), NO_RATES)
    assert found["scope"].to_list() == ["site", "site"]


def test_the_classifier_separates_a_shared_fault_from_noise_of_the_same_family() -> None:
    noisy = dict.fromkeys(ids(list(range(16, 60, 3))), "association")
    dhcp = dict.fromkeys(ids(range(10)), "dhcp_unresponsive")
    found = candidate_causes(flags({**noisy, **dhcp}, EVERYONE), organisation(), NO_RATES)
    shared = found.filter(pl.col("scope") == "infrastructure")
    assert shared["value"].to_list() == ["g0"]
    assert shared["classifier"].to_list() == ["dhcp_unresponsive"]
    assert "DHCP service" in shared["cause"][0]


def test_trouble_nearly_everywhere_is_the_organisations() -> None:
    found = candidate_causes(
        flags(dict.fromkeys(ids(range(50)), "authorization"), EVERYONE), organisation(), NO_RATES
    )
    (row,) = found.rows(named=True)
    assert (row["attribute"], row["value"]) == ("organisation", "")
    assert row["cause"] == (
        "Authorisation (RADIUS) at 50 of 60 sites of the organisation → "
        "authentication service (RADIUS) of the whole organisation"
    )
    assert row["p_value"] < 1e-6


def test_what_is_degraded_nearly_everywhere_on_most_days_is_no_incident_of_the_organisation() -> None:
    rates = pl.DataFrame({"site_id": EVERYONE, "family": "connect", "rate": [0.8] * 60})
    found = candidate_causes(flags(dict.fromkeys(ids(range(50)), ""), EVERYONE), organisation(), rates)
    assert found["scope"].unique().to_list() == ["site"]


def test_a_site_that_was_not_judged_is_no_evidence_of_health() -> None:
    hit = dict.fromkeys(ids(range(5)), "dns")
    silent = ids(range(5, 15))
    found = candidate_causes(flags(hit, [s for s in EVERYONE if s not in silent]), organisation(), NO_RATES)
    shared = found.filter(pl.col("scope") == "infrastructure")
    assert json.loads(shared["evidence"][0])["group_size"] == 5
    assert "5 of 5 sites" in shared["cause"][0]


def test_metrics_of_a_family_are_one_cause_and_families_are_two() -> None:
    hit = dict.fromkeys(ids(range(15)), "dhcp-nack")
    frame = pl.concat(
        [
            flags(hit, EVERYONE, "time-to-connect"),
            flags(hit, EVERYONE, "successful-connect"),
            flags(dict.fromkeys(ids(range(15)), "network-latency"), EVERYONE, "ap-health", "ap"),
        ]
    )
    found = candidate_causes(frame, organisation(), NO_RATES)
    assert found["family"].to_list() == ["ap", "connect"]
    assert found["metrics"].to_list() == [["ap-health"], ["successful-connect", "time-to-connect"]]
    assert found["cause_fingerprint"].n_unique() == 2


def test_the_fingerprint_is_the_same_on_another_day_with_other_sites_and_in_the_live_job() -> None:
    first = candidate_causes(flags(dict.fromkeys(ids(range(14)), "dns"), EVERYONE), organisation(), NO_RATES)
    later = flags(dict.fromkeys(ids(range(2, 15)), "dhcp-nack"), EVERYONE, day=DAY + timedelta(days=1))
    live = later.with_columns(pl.lit(datetime(2026, 11, 21, 9, 15, tzinfo=UTC)).alias("as_of")).drop("day")
    second = candidate_causes(live, organisation(), NO_RATES, moment="as_of")
    assert second.columns[0] == "as_of"
    assert first["cause_fingerprint"].to_list() == second["cause_fingerprint"].to_list()


def test_several_days_give_what_each_gives_alone() -> None:
    frames = [
        flags(dict.fromkeys(ids(range(k, k + 12)), "dns"), EVERYONE, day=DAY + timedelta(days=k))
        for k in range(3)
    ]
    together = candidate_causes(pl.concat(frames), organisation(), NO_RATES)
    apart = pl.concat(candidate_causes(frame, organisation(), NO_RATES) for frame in frames)
    assert together.equals(apart)


def test_hostile_names_stay_data_on_one_line() -> None:
    name = "<script>alert(1)</script>\r\n\x00" + "x" * 200
    found = candidate_causes(
        flags({"s000": "<b>dns</b>"}, EVERYONE), organisation(names={"s000": name}), NO_RATES
    )
    cause = found["cause"][0]
    assert "<script>alert(1)</script>" in cause
    assert cause.isprintable()
    assert len(cause) < 250


def test_the_newest_row_of_a_site_counts_and_a_site_without_a_name_is_called_by_its_id() -> None:
    old = organisation().with_columns(
        pl.lit(DAY - timedelta(days=9)).alias("day"), pl.lit("Old").alias("name")
    )
    new = organisation().with_columns(pl.lit(DAY).alias("day"), pl.lit(None, dtype=pl.String).alias("name"))
    found = candidate_causes(flags({"s000": "dns"}, EVERYONE), pl.concat([new, old]), NO_RATES)
    assert found["cause"][0] == "DNS at site s000 → DNS service of this site"


@pytest.mark.parametrize(
    ("classifier", "family", "words"),
    [
        ("dhcp-discover-unresponsive", "connect", "DHCP service"),
        ("capacity-non-wifi-interference", "radio", "radio interference (not Wi-Fi)"),
        ("client_usage", "radio", "load on the radios"),
        ("ap-disconnected-site-down", "ap", "WAN or power of the site"),
        ("network-jitter", "ap", "WAN or uplink (jitter)"),
        ("something-new", "radio", "radio conditions"),
        ("", "unheard", "unheard"),
    ],
)
def test_classifiers_point_at_services(classifier: str, family: str, words: str) -> None:
    assert service(classifier, family) == words


def test_base_rates_are_shrunk_to_the_organisation() -> None:
    history = pl.concat(
        flags({"s000": "", **({"s001": ""} if k < 2 else {})}, ["s000", "s001"], day=DAY - timedelta(days=k))
        for k in range(10)
    )
    rates = base_rates(history, CauseSettings(prior_rate=0.1, prior_moments=10.0))
    # Pooled: (12 + 10 · 0.1) / (20 + 10); each site: (own + 10 · pooled) / (10 + 10).
    pooled = 13 / 30
    assert rates.rows() == [
        ("s000", "connect", pytest.approx((10 + 10 * pooled) / 20)),
        ("s001", "connect", pytest.approx((2 + 10 * pooled) / 20)),
    ]


def test_two_degraded_metrics_of_a_family_are_one_degraded_moment() -> None:
    history = pl.concat([flags({"s000": ""}, ["s000"], metric) for metric in ("a", "b")])
    rates = base_rates(history, CauseSettings(prior_rate=0.0, prior_moments=1.0))
    assert rates["rate"].to_list() == [pytest.approx((1 + 1 / 2) / 2)]


@pytest.mark.slow
def test_false_causes_on_random_days_are_rarer_than_the_nominal_rate() -> None:
    rng = np.random.default_rng(21)
    days = 400
    shape = (days, 60)
    degraded = rng.random(shape) < 0.12
    frame = pl.DataFrame(
        {
            "day": [DAY + timedelta(days=k) for k in range(days) for _ in EVERYONE],
            "site_id": EVERYONE * days,
            "metric": "coverage",
            "family": "radio",
            "is_degraded": degraded.ravel(),
            "classifier": rng.choice(["weak-signal", "asymmetry-uplink", ""], days * 60),
        },
        schema=FLAGS,
    )
    # Known rates would make the conjunction stricter still; here every site's rate is the true one.
    rates = pl.DataFrame({"site_id": EVERYONE, "family": "radio", "rate": [0.12] * 60})
    found = candidate_causes(frame, organisation(), rates, settings=CauseSettings(alpha=0.05))
    false_days = found.filter(pl.col("scope") == "infrastructure")["day"].n_unique()
    # Nominal 5 % of 400 days = 20; three standard deviations above is 33.
    assert false_days <= 33


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_sites_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hit = {site: str(rng.choice(["dns", "arp", ""])) for site in EVERYONE if rng.random() < 0.2}
    hit |= dict.fromkeys(ids(range(15, 28)), "dns")
    frame, sites = flags(hit, EVERYONE), organisation()
    once = candidate_causes(frame, sites, NO_RATES)
    again = candidate_causes(
        frame.sample(fraction=1.0, shuffle=True, seed=seed),
        sites.sample(fraction=1.0, shuffle=True, seed=seed + 1),
        NO_RATES,
    )
    assert once.equals(again)
