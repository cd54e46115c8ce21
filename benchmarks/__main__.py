"""``make bench``: every benchmark, one after another; each prints its table. ``python -m benchmarks NAME`` runs one."""

import argparse
import importlib

NAMES = (
    "bound",
    "daily",
    "detection",
    "evidence",
    "faults",
    "forecasts",
    "growth",
    "intervals",
    "overview",
    "sensitivity",
    "waits",
    "web",
    "webhooks",
)


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    names = parser.parse_args().names or list(NAMES)
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in names:
        print(f"\n== {name}")
        importlib.import_module(f"benchmarks.bench_{name}").main([])


main()
