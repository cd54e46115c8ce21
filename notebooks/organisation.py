"""The organisation, a site, and forecasts against what came: a notebook over the published tables.

Reads only. ``MIST_PIPELINE_DATA=data/demo marimo edit notebooks/organisation.py`` opens it in a browser; as a script it runs once.
"""

import marimo

app = marimo.App(width="medium", app_title="Mist organisation")


@app.cell
def _():
    import altair as alt
    import marimo as mo
    import polars as pl

    from mist_pipeline.settings import load_settings
    from mist_pipeline.warehouse.reading import reading
    from mist_pipeline.workflows.present.overview import published_files

    places = published_files(load_settings())

    def ask(query: str, **values: object) -> pl.DataFrame:
        """The rows of a query as a frame; ``$name`` in it stands for a value. Every question sees the newest files."""
        with reading(places) as opened:
            return opened.connection.execute(query, values or None).pl()

    return alt, ask, mo


@app.cell
def _(ask, mo):
    freshness = ask("SELECT array_to_string(schemas, ', ') AS tables, as_of, trouble FROM freshness")
    mo.vstack(
        [
            mo.md("# The organisation\n\nHow old what follows is, in UTC. What cannot be read has no rows."),
            mo.ui.table(freshness, selection=None),
        ]
    )
    return (freshness,)


@app.cell
def _(alt, ask, mo):
    health = ask(
        """
        SELECT day, round(avg(score), 1) AS health, count(*) FILTER (status = 'CRITICAL') AS critical_sites
        FROM analysis.health_scores GROUP BY day ORDER BY day
        """
    )
    worst = ask(
        "SELECT site_name, worst_metric, round(worst_pct, 1) AS worst_pct, num_critical FROM worst_sites LIMIT 10"
    )
    incidents = ask(
        "SELECT severity, cause, site_names, opened_at, acknowledged_by, told_sinks FROM open_incidents"
    )
    over_days = (
        alt.Chart(alt.Data(values=health.with_columns(day=health["day"].cast(str)).to_dicts()))
        .mark_line(point=True)
        .encode(x=alt.X("day:T", title=None), y=alt.Y("health:Q", scale=alt.Scale(zero=False)))
        .properties(width=640, height=160, title="Mean health of the sites")
    )
    mo.vstack(
        [
            over_days,
            mo.md("## Open incidents"),
            mo.ui.table(incidents, selection=None),
            mo.md("## Worst sites of the newest day"),
            mo.ui.table(worst, selection=None),
        ]
    )
    return health, incidents, worst


@app.cell
def _(ask, mo):
    names = ask(
        """
        SELECT n.site_name, site_id FROM sites JOIN site_names n USING (site_id)
        LEFT JOIN worst_sites w USING (site_id) ORDER BY w.worst_pct NULLS LAST, n.site_name
        """
    )
    options = dict(names.iter_rows())
    site = mo.ui.dropdown(options, value=next(iter(options), None), label="Site", searchable=True)
    days = mo.ui.slider(7, 90, value=30, label="Days", show_value=True)
    mo.vstack([mo.md("# A site"), mo.hstack([site, days], justify="start")])
    return days, site


@app.cell
def _(alt, ask, days, mo, site):
    scores = ask(
        """
        SELECT d.day, d.metric, d.score_pct, d.severity,
               b.mean_pct - 2 * b.std_pct AS usual_low_pct, least(100, b.mean_pct + 2 * b.std_pct) AS usual_high_pct
        FROM history.sle_daily d
        LEFT JOIN analysis.baselines b ON (b.day, b.site_id, b.metric) = (d.day, d.site_id, d.metric) AND b.day_of_week = -1
        WHERE d.site_id = $site AND d.state = 'ok' AND d.day > (SELECT max(day) FROM history.sle_daily) - $days::INT
        ORDER BY d.metric, d.day
        """,
        site=site.value or "",
        days=days.value,
    )
    _base = alt.Chart(alt.Data(values=scores.with_columns(day=scores["day"].cast(str)).to_dicts()))
    _x = alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", tickCount=5))
    _scale = alt.Scale(zero=False)
    _usual = _base.mark_area(opacity=0.2).encode(
        x=_x, y=alt.Y("usual_low_pct:Q", scale=_scale, title="%"), y2="usual_high_pct:Q"
    )
    _line = _base.mark_line().encode(x=_x, y=alt.Y("score_pct:Q", scale=_scale))
    mo.vstack(
        [
            mo.md("Scores by day; the band is what is usual (mean ± 2 σ of 30 days)."),
            (_usual + _line)
            .properties(width=300, height=110)
            .facet("metric:N", columns=2)
            .resolve_scale(y="independent"),
        ]
    )
    return (scores,)


@app.cell
def _(mo, scores):
    _metrics = scores["metric"].unique().sort().to_list()
    _worst = scores.sort("score_pct")["metric"].to_list()
    metric = mo.ui.dropdown(_metrics, value=_worst[0] if _worst else None, label="Service level")
    horizon = mo.ui.slider(1, 14, value=1, label="Days ahead", show_value=True)
    mo.vstack([mo.md("# Forecast against actual"), mo.hstack([metric, horizon], justify="start")])
    return horizon, metric


@app.cell
def _(alt, ask, horizon, metric, mo, site):
    forecast = ask(
        """
        SELECT f.target_day, f.mean_pct, f.lower_80_pct, f.upper_80_pct, d.score_pct AS actual_pct,
               d.score_pct BETWEEN f.lower_80_pct AND f.upper_80_pct AS is_inside
        FROM scorecard.issued_forecasts f
        LEFT JOIN history.sle_daily d ON (d.day, d.site_id, d.metric) = (f.target_day, f.site_id, f.metric)
        WHERE f.site_id = $site AND f.metric = $metric AND f.horizon_days = $horizon
        ORDER BY f.target_day
        """,
        site=site.value or "",
        metric=metric.value or "",
        horizon=horizon.value,
    )
    came = forecast.drop_nulls("actual_pct")
    inside = came["is_inside"].mean()
    _base = alt.Chart(
        alt.Data(values=forecast.with_columns(target_day=forecast["target_day"].cast(str)).to_dicts())
    )
    _x, _scale = alt.X("target_day:T", title=None), alt.Scale(zero=False)
    _band = _base.mark_area(opacity=0.2).encode(
        x=_x, y=alt.Y("lower_80_pct:Q", scale=_scale, title="%"), y2="upper_80_pct:Q"
    )
    _mean = _base.mark_line(strokeDash=[4, 3]).encode(x=_x, y="mean_pct:Q")
    _actual = _base.mark_point(filled=True, color="black").encode(x=_x, y="actual_pct:Q")
    mo.vstack(
        [
            mo.md(
                "No forecast was issued for this series."
                if forecast.is_empty()
                else f"{came.height} forecasts whose day came"
                + ("" if inside is None else f"; {inside:.0%} inside the 80 % interval")
                + ". Dashed: forecast; points: what came."
            ),
            (_band + _mean + _actual).properties(width=640, height=220),
        ]
    )
    return (forecast,)


if __name__ == "__main__":
    app.run()
