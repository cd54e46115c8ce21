"""``make bench``: every benchmark, one after another; each prints its table. ``python -m benchmarks NAME`` runs one.

``make bench-heldout`` runs those that have worlds which nobody looked at, on these.
"""

import argparse
import importlib

NAMES = (
    "bound",
    "changes",
    "daily",
    "detection",
    "evidence",
    "faults",
    "forecasts",
    "growth",
    "intervals",
    "labelled",
    "lake",
    "operator",
    "organisations",
    "overview",
    "polls",
    "replay",
    "rival_alerts",
    "rivals",
    "runs",
    "sensitivity",
    "storage",
    "waits",
    "web",
    "webhooks",
)
HELD_OUT = ("detection", "intervals", "rival_alerts", "rivals")
"""Benchmarks with a split of `benchmarks.worlds`."""


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument(
        "--held-out", action="store_true", help=f"held-out worlds; of {', '.join(HELD_OUT)} alone"
    )
    options = parser.parse_args()
    names = options.names or list(HELD_OUT if options.held_out else NAMES)
    if options.held_out and (others := sorted(set(names) - set(HELD_OUT))):
        parser.error(f"{', '.join(others)} has no held-out worlds; {', '.join(HELD_OUT)} have")
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in names:
        print(f"\n== {name}")
        importlib.import_module(f"benchmarks.bench_{name}").main(["--held-out"] if options.held_out else [])


main()
