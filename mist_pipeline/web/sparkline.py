"""A day of one service level as a line in a table row. Pure geometry; what comes out is markup without any text from outside.

>>> sparkline((90.0, None, 72.5, 70.0)).count("M")
2
"""

from collections.abc import Sequence

from markupsafe import Markup

from mist_pipeline.domain.numbers import rounded_down

WIDTH, HEIGHT = 96, 22
_LOW, _HIGH = 50.0, 100.0
"""All sparklines share one scale, so that rows compare; what is lower touches the bottom."""
_MARGIN = 3


def sparkline(values: Sequence[float | None], unit: str = "hours") -> Markup:
    """A line with a dot at its newest value, said in words for who cannot see it; '' where nothing is known.

    Args:
        values: Percentages, oldest first; None is a gap.
        unit: What one value stands for, in the plural.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    step = (WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    path: list[str] = []
    end = ""
    is_drawing = False
    for place, value in enumerate(values):
        if value is None:
            is_drawing, end = False, ""
            continue
        x, y = _MARGIN + place * step, _level(value)
        path.append(f"{'L' if is_drawing else 'M'}{x:.4g} {y:.3g}")
        # A value between two gaps is a dot: a line of no length with round ends.
        if not is_drawing:
            path.append("h0")
        is_drawing, end = True, f'<circle cx="{x:.4g}" cy="{y:.3g}" r="2"/>'
    said = f"{len(values)} {unit}: from {rounded_down(min(known)):.1f} to {rounded_down(max(known)):.1f}"
    said += f", last {rounded_down(values[-1]):.1f}" if values[-1] is not None else ", nothing in the last"
    return Markup(  # noqa: S704 - numbers, and words of ours
        f'<svg class="spark" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{said}"><path d="{"".join(path)}"/>{end}</svg>'
    )


def _level(value: float) -> float:
    share = (min(max(value, _LOW), _HIGH) - _LOW) / (_HIGH - _LOW)
    return HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN)
