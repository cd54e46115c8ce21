"""Pictures for mails: PNG of the right size, the same everywhere, of numbers and our own words only."""

import struct
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from mist_pipeline.charts import theme
from mist_pipeline.domain.palette import LIGHT
from mist_pipeline.notification import charts
from mist_pipeline.notification.charts import draw, with_pictures
from mist_pipeline.notification.message_context import Ahead, Background, Pair, Usual
from mist_pipeline_tests.support.delivery.messages import HOSTILE

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 22)
LAST_HOUR = datetime(2026, 11, 22, 23, tzinfo=UTC)
THRESHOLDS = {"critical": 70.0, "major": 80.0, "warning": 90.0}
WHOLE = Background(
    days=(
        *((TODAY - timedelta(days=29 - number), 96.0 - number % 3) for number in range(28)),
        (TODAY - timedelta(days=1), 88.2),
        (TODAY, 69.99),
    ),
    hours=tuple(
        (LAST_HOUR - timedelta(hours=47 - number), 96.0 if number < 36 else 52.0) for number in range(48)
    ),
    usual=Usual(95.3, 1.1),
    forecast=tuple(
        Ahead(TODAY + timedelta(days=ahead), 70.0 + ahead, 55.0, 90.0, 60.0, 85.0) for ahead in range(1, 8)
    ),
)


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.fixture
def specs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to the renderer, which is not asked to draw it."""
    altair, _ = theme.libraries()
    drawn: list[dict[str, Any]] = []

    class Recorder:
        @staticmethod
        def vegalite_to_png(spec: dict[str, Any], **_: Any) -> bytes:
            drawn.append(spec)
            return (
                charts._SIGNATURE
                + struct.pack(">I", 8)
                + b"IDAT"
                + b"x\x9c\x03\x00\x00\x00\x00\x01"
                + b"0000"
            )

    monkeypatch.setattr(charts, "libraries", lambda: (altair, Recorder))
    return drawn


def words(node: Any) -> set[str]:
    """All texts of a specification."""
    if isinstance(node, dict):
        return set().union(*map(words, node.values()), set())
    if isinstance(node, list):
        return set().union(*map(words, node), set())
    return {node} if isinstance(node, str) else set()


def test_a_picture_is_a_small_png_that_a_phone_shows_in_its_real_size_and_the_same_every_time() -> None:
    picture = draw("coverage", WHOLE, THRESHOLDS)
    assert picture is not None
    width, height = size_of(picture)
    assert 340 <= width / charts._SCALE <= 370
    assert 400 <= height / charts._SCALE <= 520
    assert len(picture) < 150_000
    assert draw("coverage", WHOLE, THRESHOLDS) == picture


@pytest.mark.parametrize(
    "changes",
    [
        {"hours": ()},
        {"days": ()},
        {"days": WHOLE.days[:1]},
        {"days": WHOLE.days[:3] + WHOLE.days[9:10] + WHOLE.days[20:]},
        {"usual": None, "forecast": ()},
        {"usual": Usual(0.5, 40.0)},
        {"days": tuple((day, 0.0) for day, _ in WHOLE.days), "hours": tuple((hour, 0.0) for hour, _ in WHOLE.hours)},
        {"days": tuple((day, 100.0) for day, _ in WHOLE.days), "hours": tuple((hour, 100.0) for hour, _ in WHOLE.hours)},
        {"forecast": (Ahead(TODAY - timedelta(days=3), 90.0, 80.0, 95.0, 85.0, 93.0),)},
        {"hours": WHOLE.hours[::5]},
        {"changes": (LAST_HOUR - timedelta(hours=3),)},
    ],
    ids=["no hours", "no days", "one day", "gaps", "nothing else", "odd", "zero", "perfect", "old forecast", "rare hours", "a change"],
)  # fmt: skip
def test_whatever_is_known_can_be_drawn(changes: dict[str, Any]) -> None:
    picture = draw("coverage", replace(WHOLE, **changes), THRESHOLDS)
    assert picture is not None
    size_of(picture)


def test_nothing_to_show_is_no_picture() -> None:
    assert draw("coverage", Background(), THRESHOLDS) is None
    assert (
        draw("coverage", Background(days=WHOLE.days[:1], hours=WHOLE.hours[:1], usual=WHOLE.usual), {})
        is None
    )


def test_titles_say_what_is_shown_until_when_and_in_which_zone(specs: list[dict[str, Any]]) -> None:
    draw("coverage", WHOLE, THRESHOLDS)
    said = words(specs[0])
    assert {
        "Coverage",
        "share of user time within the service level",
        "Day by day until 22 Nov (69.9 %), then the forecast",
        "Hour by hour until 23 Nov 00:00 UTC",
        "warning < 90 %", "major < 80 %", "critical < 70 %", "usual 95.3 %",
    } <= said  # fmt: skip


def test_a_configuration_change_is_a_dotted_line_among_the_hours(specs: list[dict[str, Any]]) -> None:
    at = LAST_HOUR - timedelta(hours=11, minutes=25)
    old = LAST_HOUR - timedelta(days=9)
    for changes in ((at, old), ()):
        draw("coverage", replace(WHOLE, changes=changes), THRESHOLDS)
    marked, plain = (words(spec) for spec in specs)
    assert {"Dotted: a configuration change", charts._instant(at)} <= marked
    assert not {"Dotted: a configuration change", charts._instant(old)} & plain
    assert charts._instant(old) not in marked


def test_a_picture_holds_no_name_that_people_or_the_cloud_made_up(specs: list[dict[str, Any]]) -> None:
    pair: Pair = (HOSTILE, HOSTILE)
    found = with_pictures({pair: WHOLE}, [pair], lambda _: {**THRESHOLDS, HOSTILE: 50.0})
    assert found[pair].picture is not None
    assert not [text for text in words(specs[0]) if "script" in text]
    assert "Service level" in words(specs[0])


def test_every_text_of_a_picture_is_readable_on_a_phone(specs: list[dict[str, Any]]) -> None:
    draw("coverage", WHOLE, THRESHOLDS)
    # 360 px of a phone, less 8 px beside the card and 24 px inside it, for a picture of at most 370 px.
    assert min(font_sizes(specs[0])) * (360 - 32) / 370 >= 10


def font_sizes(node: Any) -> set[float]:
    """All sizes of text that a specification names."""
    if isinstance(node, list):
        return set().union(*map(font_sizes, node), set())
    if not isinstance(node, dict):
        return set()
    own = {value for name, value in node.items() if name.lower().endswith("fontsize")}
    return own.union(*map(font_sizes, node.values()), set())


def test_names_beside_the_lines_never_overlap(specs: list[dict[str, Any]]) -> None:
    draw("coverage", WHOLE, {"critical": 94.0, "major": 94.5, "warning": 95.0})
    for panel in specs[0]["vconcat"]:
        heights = sorted(
            layer["encoding"]["y"]["value"]
            for layer in panel["layer"]
            if layer["mark"]["type"] == "text" and layer["encoding"]["x"]["value"] > charts._WIDTH
        )
        assert len(heights) == 4
        gaps = [lower - upper for upper, lower in pairwise(heights)]
        assert min(gaps) >= charts._NAME_HEIGHT - 1e-9


@pytest.mark.parametrize(
    ("score", "role"),
    [(95.0, "series"), (90.0, "series"), (89.9, "degraded"), (70.0, "unhealthy"), (69.9, "critical")],
)
def test_an_hour_has_the_colour_of_its_severity(score: float, role: str) -> None:
    (row,) = charts._hourly_rows([(LAST_HOUR, score)], THRESHOLDS)
    assert row["colour"] == LIGHT[role]


def test_only_the_first_pairs_that_have_something_to_show_get_a_picture(specs: list[dict[str, Any]]) -> None:
    pairs: list[Pair] = [(f"s{number}", "coverage") for number in range(6)]
    known = {pair: WHOLE for pair in pairs if pair[0] != "s1"} | {pairs[0]: Background()}
    found = with_pictures(known, pairs, lambda _: THRESHOLDS)
    assert list(found) == list(known)
    assert [pair for pair, background in found.items() if background.picture] == pairs[2:5]
    assert len(specs) == 3


def test_packing_keeps_the_picture() -> None:
    _, vl_convert = theme.libraries()
    drawn = vl_convert.vegalite_to_png({"mark": "point", "data": {"values": [{}]}}, allowed_base_urls=[])
    packed = charts._packed(drawn)
    assert size_of(packed) == size_of(drawn)
    assert charts._packed(packed) == packed
