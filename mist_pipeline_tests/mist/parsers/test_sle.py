"""Service levels: scores, buckets, spellings; tolerant of what is loose, strict where guessing would invent data."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape


def sle_summary(**changes: Any) -> dict[str, Any]:
    """A sound two-bucket document; `changes` replace its top-level fields."""
    return {
        "start": 0,
        "end": 7200,
        "sle": {
            "name": "capacity",
            "interval": 3600,
            "x_label": "seconds",
            "y_label": "%",
            "samples": {"total": [60.0, 120.0], "degraded": [6.0, 30.0], "value": [0.7, 0.6]},
        },
        "impact": {"num_aps": 1, "total_aps": 3, "num_users": 4, "total_users": 26},
        "classifiers": [
            {
                "name": "client_usage",
                "impact": {"num_aps": 1, "total_aps": 3, "num_users": 2, "total_users": 26},
                "samples": {"total": [60.0, 120.0], "degraded": [6.0, 30.0], "duration": [0, 0]},
            }
        ],
        "events": [],
        **changes,
    }


def with_samples(**samples: Any) -> dict[str, Any]:
    """A document of one metric without classifiers: two hours, or as long as its buckets."""
    lengths = {len(column) for column in samples.values() if isinstance(column, list)}
    end = 3600 * max(2, *lengths) if len(lengths) == 1 else 7200
    document = sle_summary(classifiers=[], end=end)
    document["sle"]["samples"] = samples
    return document


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The sound document with one value replaced."""
    document = sle_summary()
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return document


class TestScore:
    def test_predecessor_mistake_1_the_mean_of_the_measurement_is_not_the_score(self) -> None:
        throughput = with_samples(total=[100.0, 100.0], degraded=[5.0, 5.0], value=[45.0, 45.0])
        found = parsers.parse_sle_summary(throughput)
        assert found.score_pct == pytest.approx(95.0)
        coverage = with_samples(total=[100.0], degraded=[1.0], value=[-66.0])
        assert parsers.parse_sle_summary(coverage).score_pct == pytest.approx(99.0)
        assert parsers.parse_sle_summary(coverage).value == [-66.0]

    def test_predecessor_mistake_2_one_null_does_not_hide_the_metric(self) -> None:
        found = parsers.parse_sle_summary(
            with_samples(total=[100, None, 100, 50], degraded=[10, 7, None, 5], value=[None, 1, 2, 3])
        )
        assert found.score_pct == pytest.approx(90.0)
        assert found.total == [100.0, None, 100.0, 50.0]
        assert found.degraded == [10.0, 7.0, None, 5.0]

    @pytest.mark.parametrize(
        ("total", "degraded"),
        [([], []), ([0, 0], [0, 0]), ([None], [None]), ([None, 5], [3, None]), ([0.0], [None])],
    )
    def test_no_users_is_no_score(self, total: list[Any], degraded: list[Any]) -> None:
        found = parsers.parse_sle_summary(
            with_samples(total=total, degraded=degraded, value=[None] * len(total))
        )
        assert found.score_pct is None

    @given(
        st.lists(
            st.tuples(st.floats(0, 1e9), st.floats(0, 1)) | st.just((None, None)),
            max_size=50,
        )
    )
    @settings(deadline=None)
    def test_a_score_is_between_0_and_100(self, buckets: list[tuple[float | None, float | None]]) -> None:
        total = [whole for whole, _ in buckets]
        degraded = [None if whole is None or share is None else whole * share for whole, share in buckets]
        score = parsers.score_pct(total, degraded)
        assert score is None or -1e-9 <= score <= 100

    def test_the_order_of_buckets_does_not_matter(self) -> None:
        assert parsers.score_pct([1, 2, 3], [0, 1, 2]) == parsers.score_pct([3, 1, 2], [2, 0, 1])


class TestSleSummary:
    def test_buckets_classifiers_and_impact_are_columns(self) -> None:
        found = parsers.parse_sle_summary(sle_summary())
        assert (found.name, found.metric, found.unit) == ("capacity", "capacity", "%")
        assert (found.start, found.end, found.interval, found.bucket_starts) == (0, 7200, 3600, [0, 3600])
        assert found.impact == parsers.Impact(num_users=4, total_users=26, num_aps=1, total_aps=3)
        [classifier] = found.classifiers
        assert (classifier.name, classifier.spelling) == ("client-usage", "client_usage")
        assert classifier.degraded == [6.0, 30.0]
        assert found.score_pct == pytest.approx(80.0)

    @pytest.mark.parametrize(
        ("name", "metric"),
        [
            ("failed-to-connect", "successful-connect"),
            ("time_to_connect", "time-to-connect"),
            ("roaming-v2", None),
            (None, None),
        ],
    )
    def test_any_spelling_becomes_the_canonical_metric(self, name: str | None, metric: str | None) -> None:
        document = sle_summary()
        document["sle"]["name"] = name
        assert parsers.parse_sle_summary(document).metric == metric

    @pytest.mark.parametrize(
        "changes",
        [
            {"classifiers": None},
            {"impact": None},
            {"events": None},
            {"something_new": {"a": [1]}},
            {"classifiers": [{"name": "never-heard-of"}]},
            {"classifiers": [{"name": None, "impact": None, "samples": None}]},
            {"classifiers": [{"name": "x", "samples": {}}]},
            {"start": 0.5, "end": 7200.25},
            {"impact": {"num_users": 3.0, "num_aps": None}},
        ],
    )
    def test_what_is_loose_is_normal(self, changes: dict[str, Any]) -> None:
        assert parsers.parse_sle_summary(sle_summary(**changes)).score_pct == pytest.approx(80.0)

    @pytest.mark.parametrize(
        ("buckets", "seconds", "interval"),
        [
            (24, 86_400, 3600),
            (25, 86_400, 3600),
            (144, 86_400, 600),
            (7, 7 * 86_400, 86_400),
            (0, 3600, 3600),
            (1, 1800, 3600),
        ],
    )
    def test_an_absent_interval_follows_from_the_window(
        self, buckets: int, seconds: int, interval: int
    ) -> None:
        document = with_samples(total=[1.0] * buckets, degraded=[0.0] * buckets, value=[1.0] * buckets)
        document["end"] = seconds
        del document["sle"]["interval"]
        assert parsers.parse_sle_summary(document).interval == interval

    def test_an_absent_interval_is_taken_from_a_classifier(self) -> None:
        document = sle_summary()
        del document["sle"]["interval"]
        document["classifiers"][0]["interval"] = 7200
        assert parsers.parse_sle_summary(document).interval == 7200

    def test_wider_buckets_than_an_hour_show_in_the_interval(self) -> None:
        document = sle_summary(end=172_800)
        document["sle"]["interval"] = 86_400
        assert parsers.parse_sle_summary(document).bucket_starts == [0, 86_400]

    def test_a_window_that_is_not_aligned_touches_one_bucket_more(self) -> None:
        document = with_samples(total=[1.0] * 3, degraded=[0.0] * 3, value=[1.0] * 3)
        document["end"] = 7200
        assert len(parsers.parse_sle_summary(document).total) == 3

    def test_a_rounding_excess_of_degraded_is_cut_off(self) -> None:
        found = parsers.parse_sle_summary(
            with_samples(total=[100.0, 0.0], degraded=[100.5, 0.001], value=[1, 1])
        )
        assert found.degraded == [100.0, 0.0]
        assert found.score_pct == pytest.approx(0.0)

    @pytest.mark.parametrize(
        ("samples", "where"),
        [
            ({"total": [1, "2"], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, True], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, [4]], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, 2], "degraded": [0, math.nan]}, "sle.samples.degraded[1]"),
            ({"total": [1, 2], "degraded": [0, math.inf]}, "sle.samples.degraded[1]"),
            ({"total": [1, 10**400], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, 1e300], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, -1.0], "degraded": [0, 0]}, "sle.samples.total[1]"),
            ({"total": [1, 1], "degraded": [0, -0.5]}, "sle.samples.degraded[1]"),
            ({"total": [1, 100], "degraded": [0, 105]}, "sle.samples.degraded[1]"),
            ({"total": [1, 0], "degraded": [0, 2]}, "sle.samples.degraded[1]"),
        ],
    )
    def test_an_impossible_bucket_is_missing_and_the_others_stay(
        self, samples: dict[str, Any], where: str
    ) -> None:
        odd = parsers.Oddities("sle_summary")
        found = parsers.parse_sle_summary(with_samples(**samples), odd)
        assert (found.total, found.degraded) == ([1.0, None], [0.0, None])
        assert found.score_pct == 100.0
        assert (odd.read, odd.lost, [each.where for each in odd.first]) == (2, 1, [where])

    @pytest.mark.parametrize(
        "samples",
        [
            {"total": {}, "degraded": [0, 0]},
            {"total": 1, "degraded": [0, 0]},
            {"degraded": [0, 0]},
            {"total": "", "degraded": [0, 0]},
            {"total": [], "degraded": None},
        ],
    )
    def test_user_minutes_that_are_no_list_are_missing_and_never_healthy(
        self, samples: dict[str, Any]
    ) -> None:
        found = parsers.parse_sle_summary(with_samples(**samples))
        assert found.score_pct is None
        assert set(found.total) <= {None}

    @pytest.mark.parametrize(
        ("value", "kept"), [(["x", 1], [None, 1.0]), ([1], [None, None]), ("high", [None, None])]
    )
    def test_a_measurement_that_cannot_be_read_does_not_cost_the_score(
        self, value: Any, kept: list[float | None]
    ) -> None:
        odd = parsers.Oddities("sle_summary")
        samples = {"total": [1, 2], "degraded": [0, 1]}
        document = with_samples(**samples)
        document["sle"]["samples"]["value"] = value
        found = parsers.parse_sle_summary(document, odd)
        assert (found.total, found.degraded, found.value) == ([1.0, 2.0], [0.0, 1.0], kept)
        assert (odd.lost, odd.emptied) == (0, 1)

    def test_a_bucket_that_is_impossible_has_no_causes_either(self) -> None:
        document = sle_summary()
        document["sle"]["samples"]["degraded"][1] = 500.0
        found = parsers.parse_sle_summary(document)
        assert found.classifiers[0].degraded == [6.0, None]

    @pytest.mark.parametrize(
        ("path", "value", "where"),
        [
            (("sle",), None, "sle"),
            (("sle",), [], "sle"),
            (("sle", "samples"), None, "sle.samples"),
            (("sle", "samples"), [], "sle.samples"),
            (("sle", "samples", "degraded"), [1.0], "sle.samples"),
            (("start",), None, "start"),
            (("start",), "0", "start"),
            (("start",), -1, "start"),
            (("end",), 1e300, "end"),
            (("start",), 9000, "end"),
        ],
    )
    def test_an_answer_that_cannot_be_placed_in_time_is_refused_with_its_path(
        self, path: tuple[Any, ...], value: Any, where: str
    ) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_sle_summary(changed(path, value))
        assert (caught.value.where, caught.value.endpoint) == (where, "sle_summary")
        assert str(caught.value).startswith(f"sle_summary: {where}: ")

    @pytest.mark.parametrize(
        ("path", "value", "where"),
        [
            (("sle", "name"), 7, "sle.name"),
            (("sle", "y_label"), [], "sle.y_label"),
            (("sle", "interval"), "1h", "sle.interval"),
            (("sle", "interval"), 0, "sle.interval"),
            (("sle", "interval"), 0.5, "sle.interval"),
            (("impact",), [], "impact"),
            (("impact", "num_users"), -1, "impact.num_users"),
            (("impact", "num_users"), 1.5, "impact.num_users"),
            (("impact", "num_users"), "4", "impact.num_users"),
            (("classifiers",), {}, "classifiers"),
            (("classifiers",), [7], "classifiers[0]"),
            (("classifiers", 0, "name"), 7, "classifiers[0].name"),
            (("classifiers", 0, "samples"), [], "classifiers[0].samples"),
            (("classifiers", 0, "samples", "degraded"), [1], "classifiers[0].samples"),
            (("classifiers", 0, "samples"), {"total": [1], "degraded": [0]}, "classifiers[0].samples"),
            (("classifiers", 0, "samples", "total"), [60.0, "x"], "classifiers[0].samples.total[1]"),
            (("classifiers", 0, "impact", "num_aps"), {}, "classifiers[0].impact.num_aps"),
        ],
    )
    def test_what_is_odd_beside_the_user_minutes_is_noted_and_does_not_cost_them(
        self, path: tuple[Any, ...], value: Any, where: str
    ) -> None:
        odd = parsers.Oddities("sle_summary")
        found = parsers.parse_sle_summary(changed(path, value), odd)
        assert (found.total, found.degraded, found.interval) == ([60.0, 120.0], [6.0, 30.0], 3600)
        assert [each.where for each in odd.first] == [where]

    def test_more_buckets_than_the_window_has_room_for_are_an_error(self) -> None:
        document = with_samples(total=[1] * 4, degraded=[0] * 4)
        document["end"] = 7200
        with pytest.raises(UnexpectedShape, match=r"sle\.samples: 4 buckets of 3600 s in a window of 7200 s"):
            parsers.parse_sle_summary(document)

    def test_an_absent_interval_that_fits_nothing_is_an_error(self) -> None:
        document = with_samples(total=[1.0] * 5, degraded=[0.0] * 5, value=[1.0] * 5)
        document["end"] = 86_400
        del document["sle"]["interval"]
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_sle_summary(document)
        assert caught.value.where == "sle.interval"


class TestSleMetrics:
    def test_the_spelling_that_the_site_advertises_is_the_one_to_ask_for(self) -> None:
        found = parsers.parse_sle_metrics(
            {
                "enabled": [
                    "coverage",
                    "failed-to-connect",
                    "time_to_connect",
                    "roaming-v2",
                    "application_health",
                ],
                "supported": ["coverage", "capacity"],
            }
        )
        assert found.spellings == {
            "coverage": "coverage",
            "successful-connect": "failed-to-connect",
            "time-to-connect": "time_to_connect",
            "application-health": "application_health",
        }
        assert found.supported == ("coverage", "capacity")

    @pytest.mark.parametrize(
        "order", [["failed-to-connect", "successful-connect"], ["successful-connect", "failed-to-connect"]]
    )
    def test_of_two_spellings_the_catalogues_own_is_preferred(self, order: list[str]) -> None:
        assert parsers.parse_sle_metrics({"enabled": order}).spellings == {
            "successful-connect": "successful-connect"
        }

    def test_a_site_without_metrics_is_normal(self) -> None:
        assert parsers.parse_sle_metrics({"enabled": None}).spellings == {}

    def test_an_entry_that_is_no_text_is_left_out(self) -> None:
        odd = parsers.Oddities("sle_metrics")
        assert parsers.parse_sle_metrics({"enabled": ["coverage", 3]}, odd).enabled == ("coverage",)
        assert [each.where for each in odd.first] == ["enabled[1]"]

    def test_a_list_that_is_none_is_an_error_because_it_would_say_that_nothing_is_measured(self) -> None:
        with pytest.raises(UnexpectedShape, match="enabled"):
            parsers.parse_sle_metrics({"enabled": "all"})


def sites_sle(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "start": 0,
        "end": 3600,
        "limit": 1000,
        "page": 1,
        "total": len(rows),
        "results": list(rows),
        **changes,
    }


class TestSitesSle:
    def test_fractions_become_percent_by_canonical_metric(self) -> None:
        found = parsers.parse_sites_sle(
            sites_sle(
                {"site_id": "a", "num_clients": 24, "num_aps": 3, "capacity": 0.98, "application_health": 1},
                {"site_id": "b", "capacity": None, "brand_new": 0.5},
            ),
            sites_sle({"site_id": "c", "num_clients": 2.5, "failed-to-connect": 0.25, "num_switches": 1}),
        )
        assert found.site_ids == ["a", "b", "c"]
        assert found.num_clients == [24.0, None, 2.5]
        assert found.num_aps == [3.0, None, None]
        assert found.scores_pct == {
            "capacity": [pytest.approx(98.0), None, None],
            "application-health": [100.0, None, None],
            "successful-connect": [None, None, 25.0],
        }
        assert found.unknown == {"brand_new"}
        assert (found.start, found.end) == (0, 3600)

    def test_an_empty_list_has_no_sites(self) -> None:
        assert parsers.parse_sites_sle(sites_sle()).site_ids == []

    def test_a_site_that_comes_twice_is_one_and_the_last_counts(self) -> None:
        found = parsers.parse_sites_sle(
            sites_sle({"site_id": "a", "coverage": 0.1}, {"site_id": "b"}),
            sites_sle({"site_id": "a", "coverage": 0.2}),
        )
        assert found.site_ids == ["a", "b"]
        assert found.scores_pct == {"coverage": [20.0, None]}

    @pytest.mark.parametrize("first", ["failed-to-connect", "successful-connect"])
    def test_of_two_spellings_the_catalogues_own_counts(self, first: str) -> None:
        shares = {"failed-to-connect": 0.1, "successful-connect": 0.9}
        row = {"site_id": "a", first: shares.pop(first), **shares}
        found = parsers.parse_sites_sle(sites_sle(row))
        assert found.scores_pct == {"successful-connect": [90.0]}

    def test_a_rounding_excess_is_cut_off(self) -> None:
        found = parsers.parse_sites_sle(sites_sle({"site_id": "a", "coverage": 1.0000004, "capacity": -1e-9}))
        assert found.scores_pct == {"coverage": [100.0], "capacity": [0.0]}

    @pytest.mark.parametrize(
        ("documents", "where"),
        [
            ([sites_sle(results=None)], "results"),
            ([sites_sle(results={})], "results"),
            ([sites_sle(start=None)], "start"),
            ([sites_sle(), sites_sle(start=60)], "start"),
            ([[]], ""),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, documents: list[Any], where: str) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_sites_sle(*documents)
        assert caught.value.where == where

    @pytest.mark.parametrize("share", [95, -0.1, -1, "1", True, math.nan, 10**400, [], ""])
    def test_a_score_that_cannot_be_is_missing_and_the_others_stay(self, share: Any) -> None:
        odd = parsers.Oddities("sites_sle")
        rows = {"site_id": "a", "coverage": share, "capacity": 0.5}, {"site_id": "b", "coverage": 1}
        found = parsers.parse_sites_sle(sites_sle(*rows), odd=odd)
        assert found.scores_pct == {"capacity": [50.0, None], "coverage": [None, 100.0]}
        assert [(each.where, each.row) for each in odd.first] == [("results[0].coverage", "a")]
        assert (odd.read, odd.lost, odd.odd_rows) == (2, 1, 1)

    @pytest.mark.parametrize("row", [{"coverage": 1}, {"site_id": "../x", "coverage": 1}, 7, None])
    def test_a_row_without_a_site_is_set_aside(self, row: Any) -> None:
        odd = parsers.Oddities("sites_sle")
        found = parsers.parse_sites_sle(sites_sle(row, {"site_id": "b", "coverage": 1}), odd=odd)
        assert (found.site_ids, found.scores_pct) == (["b"], {"coverage": [100.0]})
        assert odd.lost == 1

    @pytest.mark.parametrize("count", [-1, "7", math.inf])
    def test_an_odd_number_of_clients_is_unknown(self, count: Any) -> None:
        found = parsers.parse_sites_sle(sites_sle({"site_id": "a", "num_clients": count, "num_aps": count}))
        assert (found.num_clients, found.num_aps) == ([None], [None])

    def test_no_document_at_all_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="at least one page"):
            parsers.parse_sites_sle()


def test_a_column_of_scores_with_one_odd_value_is_read_as_each_of_them_alone() -> None:
    """What is quick where all is usual must not let through what is not."""
    odd_values: list[Any] = [math.nan, math.inf, -math.inf, 95, -0.5, True, "0.5", 10**400, [], {}]
    for value in odd_values:
        odd = parsers.Oddities("sites_sle")
        rows = [
            {"site_id": f"s{number}", "num_clients": 1, "capacity": share}
            for number, share in enumerate([0.25, value, None, 1, 0, 1.0000005, -0.0000005])
        ]
        found = parsers.parse_sites_sle({"start": 0, "end": 3600, "results": rows}, odd=odd)
        assert found.scores_pct["capacity"] == [25.0, None, None, 100.0, 0.0, 100.0, 0.0], value
        assert all(type(share) is float for share in found.scores_pct["capacity"] if share is not None)
        assert odd.lost == 1, value
