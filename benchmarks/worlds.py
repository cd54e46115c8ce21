"""Which simulated worlds may be looked at while a method is chosen, and which only judge it afterwards.

A benchmark that names its worlds here runs those of development by default. The held-out ones are run by ``make bench-heldout``
alone: what is chosen by looking at them says nothing any more, and they have to be replaced by others.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from mist_pipeline.simulator.world.world import World


@dataclass(frozen=True)
class Split:
    """Seeds of tidy and messy worlds: those of development, and those that nobody looked at."""

    tidy: tuple[int, ...]
    messy: tuple[int, ...]
    held_out_tidy: tuple[int, ...]
    held_out_messy: tuple[int, ...]

    def seeds(self, *, held_out: bool) -> dict[str, tuple[int, ...]]:
        """``tidy`` and ``messy`` → seeds of the side that was asked for."""
        tidy, messy = (self.held_out_tidy, self.held_out_messy) if held_out else (self.tidy, self.messy)
        return {"tidy": tidy, "messy": messy}

    def worlds(self, options: argparse.Namespace) -> Iterator[tuple[str, World]]:
        """Names and worlds of the side that was asked for, as large as `add_options` lets one say."""
        of_kinds = self.seeds(held_out=options.held_out)
        chosen = [(kind, seed) for kind, seeds in of_kinds.items() for seed in seeds]
        for kind, seed in chosen[: options.worlds]:
            yield f"{kind} {seed}", World(options.sites, options.days, seed, messy=kind == "messy")


DETECTION = Split((9101, 9102), (9201, 9202), (7203,), (7301, 7302, 7303))
"""7301 served once to choose two thresholds; the others were looked at as a table only."""

INTERVALS = Split((8101,), (8151,), (8201, 8202), (8251, 8252))
RIVALS = Split((8401,), (8451,), (8501, 8502), (8551, 8552))


def add_options(parser: argparse.ArgumentParser, *, sites: int, days: int) -> None:
    """Options of every benchmark with a split."""
    parser.add_argument("--sites", type=int, default=sites)
    parser.add_argument("--days", type=int, default=days)
    parser.add_argument("--worlds", type=int, help="only the first so many worlds; default: all")
    add_held_out(parser)


def add_held_out(parser: argparse.ArgumentParser) -> None:
    """The option that asks for the other side of the split."""
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="the worlds that nobody looked at (`make bench-heldout`) instead of those of development",
    )
