"""Small charts as SVG, made by hand and turned into pictures for Markdown: a run draws them in milliseconds.

Charts that people get (page, mail) are drawn from Vega descriptions in the rooms that send them; these are only for the pages of
Dagster, and a second of start-up for each run would cost more than they are worth. Text in them is escaped.

>>> svg = heat_map("Status", ["a <b>"], ["1", "2"], [["#a50f3c", None]])
>>> "a &lt;b&gt;" in svg, svg.count("<rect")
(True, 1)
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from html import escape

import dagster as dg

from mist_pipeline.domain.palette import LIGHT

_WIDTH, _LEFT, _TOP, _ROW = 720, 190, 34, 16
_MOST_LABELS = 12


def picture(title: str, svg: str) -> dg.MetadataValue:
    """An SVG as a picture in Markdown."""
    import vl_convert

    png = smaller(vl_convert.svg_to_png(svg))
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def smaller(png: bytes) -> bytes:
    """The same PNG, compressed: it is written fast, and five times as large as it has to be."""
    at, head, data = 8, b"", b""
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : end - 4]
        elif png[at + 4 : at + 8] == b"IHDR":
            head = png[:end]
        at = end
    return head + _chunk(b"IDAT", zlib.compress(zlib.decompress(data), 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    colours: Sequence[Sequence[str | None]],
    legend: Mapping[str, str] | None = None,
) -> str:
    """A cell for every row and column; none where there is no colour."""
    width = (_WIDTH - _LEFT - 8) / max(1, len(columns))
    parts = []
    for number, (name, cells) in enumerate(zip(rows, colours, strict=True)):
        y = _TOP + number * _ROW
        parts.append(_text(_LEFT - 6, y + 11.5, name, anchor="end"))
        parts += [
            f'<rect shape-rendering="crispEdges" x="{_LEFT + at * width:.1f}" y="{y}" width="{max(1, width - 1):.1f}" height="{_ROW - 1}" fill="{colour}"/>'
            for at, colour in enumerate(cells)
            if colour
        ]
    bottom = _TOP + len(rows) * _ROW
    return _framed(title, [*parts, *_below(columns, bottom, width)], bottom + 22, legend)


def stacked_bars(
    title: str, columns: Sequence[str], parts: Mapping[str, Sequence[float]], colours: Mapping[str, str]
) -> str:
    """A bar for every column, cut into parts, all of one height scale."""
    height, width = 140, (_WIDTH - _LEFT - 8) / max(1, len(columns))
    totals = [sum(values) for values in zip(*parts.values(), strict=True)]
    scale = height / max([1.0, *totals])
    shapes = [_text(_LEFT - 6, _TOP + 10, f"{max([0.0, *totals]):,.0f}", anchor="end")]
    for at in range(len(columns)):
        y = float(_TOP + height)
        for name, values in parts.items():
            tall = values[at] * scale
            y -= tall
            shapes.append(
                f'<rect shape-rendering="crispEdges" x="{_LEFT + at * width:.1f}" y="{y:.1f}" width="{max(1, width - 2):.1f}" height="{tall:.1f}" '
                f'fill="{colours[name]}"/>'
            )
    bottom = _TOP + height
    return _framed(title, [*shapes, *_below(columns, bottom, width)], bottom + 22, colours)


def fan(
    title: str,
    past: Sequence[float | None],
    middle: Sequence[float],
    bands: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    labels: Sequence[str],
) -> str:
    """What was, and what is expected with its bands; percent."""
    height, steps = 180, len(past) + len(middle)
    width = (_WIDTH - _LEFT - 8) / max(1, steps - 1)
    known = [value for value in past if value is not None]
    lowest = min([*known, *(low for _, lows, _ in bands for low in lows), 99.0])

    def place(at: float, value: float) -> str:
        y = _TOP + (100 - value) / max(1.0, 100 - lowest) * height
        return f"{_LEFT + at * width:.1f},{y:.1f}"

    shapes = [
        _text(_LEFT - 6, _TOP + 8, "100 %", anchor="end"),
        _text(_LEFT - 6, _TOP + height, f"{lowest:.0f} %", anchor="end"),
    ]
    for colour, lows, highs in bands:
        up = [place(len(past) + at, value) for at, value in enumerate(highs)]
        down = [place(len(past) + at, value) for at, value in enumerate(lows)]
        shapes.append(f'<polygon points="{" ".join([*up, *reversed(down)])}" fill="{colour}"/>')
    was = [place(at, value) for at, value in enumerate(past) if value is not None]
    will = [place(len(past) + at, value) for at, value in enumerate(middle)]
    line = f'fill="none" stroke="{LIGHT["series"]}" stroke-width="2"'
    shapes.append(f'<polyline points="{" ".join(was)}" {line}/>')
    shapes.append(f'<polyline points="{" ".join([*was[-1:], *will])}" {line} stroke-dasharray="5 4"/>')
    bottom = _TOP + height
    return _framed(title, [*shapes, *_below(labels, bottom, width, middle=0.0)], bottom + 22, None)


def _below(labels: Sequence[str], y: float, width: float, *, middle: float = 0.5) -> list[str]:
    step = max(1, -(-len(labels) // _MOST_LABELS))
    return [
        _text(_LEFT + (at + middle) * width, y + 14, label, anchor="middle")
        for at, label in enumerate(labels)
        if at % step == 0
    ]


def _framed(title: str, parts: Sequence[str], height: float, legend: Mapping[str, str] | None) -> str:
    shown = [_text(8, 18, title, size=13)]
    at = _LEFT
    for name, colour in (legend or {}).items():
        shown.append(f'<circle cx="{at}" cy="{height + 8}" r="5" fill="{colour}"/>')
        shown.append(_text(at + 9, height + 12, name))
        at += 26 + 7 * len(name)
    tall = height + (22 if legend else 4)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{tall:.0f}">'
    back = f'<path d="M0 0H{_WIDTH}V{tall:.0f}H0Z" fill="{LIGHT["card"]}"/>'
    return "".join([head, back, *shown, *parts, "</svg>"])


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="sans-serif" font-size="{size}" '
        f'fill="{LIGHT["muted"]}">{escape(text)}</text>'
    )
