"""Sparklines and the mosaic of all sites as coordinates. Templates put them into SVG.

Pure geometry, no markup: a page holds hundreds of these, so each is a few coordinates and no library.

>>> line = sparkline([90.0, None, 72.5, 71.0])
>>> line.lines, line.end, line.title
(('63,11.8 93,12.3',), (93.0, 12.3), '4 days: from 71.0 to 90.0, last 71.0')
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.report.document.incident_model import Series
from mist_pipeline.report.document.model import Site

SPARK_WIDTH, SPARK_HEIGHT = 96, 22
_LOW, _HIGH = 50.0, 100.0
"""All sparklines share one scale, so that rows compare; what is lower touches the bottom."""


_LARGEST_TILE = 44.0


@dataclass(frozen=True)
class Sparkline:
    """A line over days; gaps in the data are gaps in the line.

    Attributes:
        lines: Points of each unbroken stretch, for ``polyline``.
        dots: Centres of single days between gaps.
        end: Centre of the last day's dot, None where that day has no value.
        mark: Height of a threshold, None where none is drawn.
        title: The line in words.
    """

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    end: tuple[float, float] | None
    mark: float | None
    title: str


def sparkline(
    values: Series, *, width: int = SPARK_WIDTH, height: int = SPARK_HEIGHT, threshold: float | None = None
) -> Sparkline | None:
    """A series as a sparkline, with a threshold if given, or None if nothing is known."""

    def level(value: float) -> float:
        share = (min(max(value, _LOW), _HIGH) - _LOW) / (_HIGH - _LOW)
        return round(height - 3 - share * (height - 6), 1)

    known = [value for value in values if value is not None]
    if not known:
        return None
    step = (width - 6) / max(len(values) - 1, 1)
    stretches: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            stretches.append([])
            continue
        stretches[-1].append((round(3 + place * step, 1), level(value)))
    last = stretches[-1][-1] if stretches[-1] else None
    return Sparkline(
        lines=tuple(
            " ".join(f"{x:g},{y:g}" for x, y in stretch) for stretch in stretches if len(stretch) > 1
        ),
        dots=tuple(stretch[0] for stretch in stretches if len(stretch) == 1 and stretch[0] != last),
        end=last,
        mark=None if threshold is None else level(threshold),
        title=f"{len(values)} days: from {rounded_down(min(known)):.1f} to {rounded_down(max(known)):.1f}, "
        + (f"last {rounded_down(values[-1]):.1f}" if values[-1] is not None else "nothing on the last day"),
    )


@dataclass(frozen=True)
class Mosaic:
    """Every site as a tile, in the order of the sites.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        paths: Status and the path of all its tiles.
    """

    width: int
    height: int
    paths: tuple[tuple[str, str], ...]


def mosaic(sites: Sequence[Site], width: int = 640, height: int = 130) -> Mosaic:
    """All sites as tiles of one size, row by row, as large as fits."""
    pitch = min(_LARGEST_TILE, math.sqrt(width * height / max(len(sites), 1)))
    columns = math.floor(width / pitch)
    if columns * math.floor(height / pitch) < len(sites):
        columns += 1
        pitch = width / columns
    gap = max(1.0, pitch * 0.14)
    side = round(pitch - gap, 2)
    tiles: dict[str, list[str]] = {}
    for place, site in enumerate(sites):
        row, column = divmod(place, columns)
        tiles.setdefault(site["status"], []).append(
            f"M{column * pitch + gap / 2:.4g} {row * pitch + gap / 2:.4g}h{side:g}v{side:g}h-{side:g}z"
        )
    rows = math.ceil(max(len(sites), 1) / columns)
    return Mosaic(
        width, math.ceil(rows * pitch), tuple((status, "".join(path)) for status, path in tiles.items())
    )
