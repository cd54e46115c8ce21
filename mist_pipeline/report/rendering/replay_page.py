"""The page of a replay under several configurations: one HTML file with everything inside it.

Here: what is cut to fit, and the curve. Not here: markup (``templates/replay.html.j2``), words (``document.replay_words``). Every
string of the document passes Jinja's autoescape.
"""

from mist_pipeline.report.document import replay_words
from mist_pipeline.report.document.replay_model import Counted, ReplayDocument
from mist_pipeline.report.rendering.charts import curve_chart
from mist_pipeline.report.rendering.html import cut, environment, style_of, trusted

_MAX_SITES = 100
_MAX_CHANGED = 500


def replay_page(document: ReplayDocument) -> str:
    """The page of a comparison, or of a curve.

    Args:
        document: What was replayed.
    """
    configurations = document["configurations"]
    is_comparison = bool(document["changes"])
    template = environment().get_template("replay.html.j2")
    return template.render(
        **style_of(document["last"]),
        d=document,
        heading=replay_words.heading(document["changes"], configurations[-1]["name"])
        if is_comparison
        else None,
        measures=replay_words.MEASURES,
        notes=replay_words.notes(document),
        shift=replay_words.shift,
        by_site=cut([row for row in document["by_site"] if _is_different(row)], _MAX_SITES),
        changed=cut(document["changed"], _MAX_CHANGED),
        # Levels of sensitivity are our own words; names of files are not, and stay out of pictures.
        curve=None if is_comparison else trusted(curve_chart(configurations, "curve")),
    )


def _is_different(row: Counted) -> bool:
    return bool(row["more"] or row["fewer"] or row["earlier"] or row["later"])
