"""Whether the scorecard's intervals hold the true rates: simulated quarters with a simulated operator, whose rates are known.

A 95 % interval holds the true rate in 95 of 100 quarters. The last line of alerts is of an operator who labels false alerts more often than right
ones: no interval knows that. The interval of prevention holds more, since it reaches from counting what recovered by itself for nothing to
counting it as prevented; where people repair things and say nothing, the truth lies in between.

    python -m benchmarks.bench_operator [--quarters 200]
"""

import argparse

import polars as pl

from benchmarks.crossings_quarter import CrossingRates, decided
from benchmarks.operator_quarter import END, LAST, SITES, Rates, quarter
from mist_pipeline.scorecard.alert_quality import alert_quality
from mist_pipeline.scorecard.proportions import wilson
from mist_pipeline.scorecard.summary import prevented, warnings

CASES = {
    "as usual": Rates(),
    "few labels": Rates(labelled=0.1, ticketed=0.05),
    "many false alerts": Rates(real=0.4),
    "half is missed": Rates(detected=0.5),
    "complains more": Rates(labelled=0.2, labelled_if_wrong=0.8, ticketed=0.0),
}

OF_CROSSINGS = {
    "as usual": CrossingRates(),
    "repairs in silence": CrossingRates(prevented=0.08, silent=0.2),
    "many false": CrossingRates(hit=0.15, false_alarm=0.4, prevented=0.1, silent=0.04, recovered=0.16),
}


def held(rates: Rates, seed: int) -> dict[str, bool | float]:
    """Of one quarter: what was measured, and whether each interval holds the true rate."""
    found = alert_quality(quarter(rates, seed), LAST, END).filter(
        (pl.col("window_days") == 90) & pl.all_horizontal(pl.col("rule", "severity", "sink") == "")
    )
    low, high = wilson(pl.col("n_ignored"), pl.col("n_told"))
    row = found.with_columns(ignored_low=low, ignored_high=high).to_dicts()[0]
    return {
        "precision": row["precision"],
        "holds precision": row["precision_low"] <= rates.precision <= row["precision_high"],
        "missed": row["n_missed"] / row["n_troubles"],
        "holds missed": row["missed_low"] <= rates.missed <= row["missed_high"],
        "ignored": row["ignored_share"],
        "holds ignored": row["ignored_low"] <= rates.ignored <= row["ignored_high"],
    }


def held_of_crossings(rates: CrossingRates, seed: int) -> dict[str, bool | float]:
    """The same of one quarter of predicted crossings."""
    found = decided(rates, seed)
    of_warnings, of_prevention = warnings(found).values, prevented(found)
    assert of_prevention is not None
    low, high = (float(of_warnings[name] or 0.0) for name in ("true_low", "true_high"))
    least, most = (float(of_prevention.values[name] or 0.0) for name in ("interval_low", "interval_high"))
    return {
        "true": int(of_warnings["hit"] or 0) / int(of_warnings["decided"] or 1),
        "holds true": low <= rates.true <= high,
        "prevention": float(of_prevention.values["rate"] or 0.0),
        "holds prevention": least <= rates.prevention <= most,
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quarters", type=int, default=200)
    parser.add_argument(
        "--cases", type=int, help="only the first so many operators of each table; default: all"
    )
    options = parser.parse_args(arguments)
    print(
        f"{options.quarters} quarters of {SITES} sites: true rate, mean of what was measured, how often its interval held the true one\n"
    )
    print("| operator | precision | | | missed | | | ignored | | |\n" + "|---" * 10 + "|")
    for name, rates in list(CASES.items())[: options.cases]:
        every = pl.DataFrame([held(rates, seed) for seed in range(options.quarters)])
        cells = [
            text
            for what, true in (
                ("precision", rates.precision),
                ("missed", rates.missed),
                ("ignored", rates.ignored),
            )
            for text in (f"{true:.3f}", f"{_mean(every, what):.3f}", f"{_mean(every, f'holds {what}'):.2f}")
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print("\n| crossings | came true | | | prevented | | |\n" + "|---" * 7 + "|")
    for name, of_crossings in list(OF_CROSSINGS.items())[: options.cases]:
        every = pl.DataFrame([held_of_crossings(of_crossings, seed) for seed in range(options.quarters)])
        cells = [
            text
            for what, true in (("true", of_crossings.true), ("prevention", of_crossings.prevention))
            for text in (f"{true:.3f}", f"{_mean(every, what):.3f}", f"{_mean(every, f'holds {what}'):.2f}")
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _mean(every: pl.DataFrame, name: str) -> float:
    return float(every[name].cast(pl.Float64).sum()) / every.height


if __name__ == "__main__":
    main()
