"""How many calls the polls of an hour plan, with and without pushes: in a quiet hour, and while a fifth of the sites is lost.

Run with ``.venv/bin/python -m benchmarks polls``. Only planning, by the functions of a poll; nothing is asked. Lost are sites whose devices all
lost the cloud; the last poll found them critical. Of 5,000 calls an hour those that polls may take are counted down from poll to poll.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from mist_pipeline.collect.fetch.plan import PAGE_SIZE, Ask, Budget, Known, make_plan
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.collection.poll import SETTLES_WITHIN, asks_for_changes, planned_requests
from mist_pipeline.workflows.pushing.channel import Channel

HOUR = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LIMIT = 5_000
LOST_SHARE = 0.2


@dataclass
class Left:
    """Calls that are left of an hour, as the planner asks for them."""

    calls: int = LIMIT

    def calls_per_hour(self, _lane: str) -> int:
        """Calls of an hour."""
        return LIMIT

    def remaining(self, _lane: str) -> int:
        """Calls left."""
        return self.calls


def hour_of_polls(num_sites: int, lost: int, heard: Channel) -> list[dict[str, int]]:
    """Calls of each of the four polls of an hour, by what is asked.

    Args:
        num_sites: Sites of the organisation.
        lost: So many of them are lost.
        heard: What the cloud pushes.
    """
    settings, left = Settings(), Left()
    sites = tuple(f"site-{number:05}" for number in range(num_sites))
    metrics = tuple(metric.name for metric in settings.metrics)
    known = Known(spellings={site: {name: name for name in CATALOGUE} for site in sites})
    polls = []
    for number in range(4):
        now = HOUR + timedelta(minutes=5 + 15 * number)
        before = now - timedelta(minutes=15)
        ask = Ask(
            site_ids=sites,
            metrics=metrics,
            days=(date(2026, 3, 2),),
            zone=ZoneInfo("UTC"),
            now=now,
            since=before - SETTLES_WITHIN,
            detail="off",
            changes=asks_for_changes(settings, before, now, heard),
        )
        most = left.calls // (2 * len(metrics) + 2)
        suspects = tuple(site for site in sites[:lost] if site not in heard.lost)[:most]
        spent = {"counts": -(-num_sites // PAGE_SIZE)}
        budget = cast("CallBudget", left)
        for request, calls in planned_requests(ask, before, suspects, "auto", budget):
            plan = make_plan(request, known, Budget(calls, LIMIT)).deepen(())
            for purpose in ("organisation", "alarms", "changes", "detail"):
                spent[purpose] = spent.get(purpose, 0) + sum(one.cost for one in plan.of(purpose))
        left.calls -= sum(spent.values())
        polls.append(spent)
    return polls


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[24, 300, 3_000])
    given = parser.parse_args(arguments)
    print(
        f"{'sites':>6} {'lost':>5} {'pushes':>7} {'first poll':>11} {'each other poll':>16} {'hour':>6}   of each other poll"
    )
    for num_sites in given.sites:
        for lost in (0, round(num_sites * LOST_SHARE)):
            gone = frozenset(f"site-{number:05}" for number in range(lost))
            for heard in (Channel(), Channel(tells_changes=True, lost=gone)):
                first, *others = hour_of_polls(num_sites, lost, heard)
                totals = [sum(one.values()) for one in others]
                parts = ", ".join(f"{name} {number}" for name, number in others[0].items() if number)
                print(
                    f"{num_sites:>6,} {lost:>5,} {'yes' if heard.tells_changes else 'no':>7} {sum(first.values()):>11,} "
                    f"{' '.join(f'{one:,}' for one in totals):>16} {sum(first.values()) + sum(totals):>6,}   {parts}"
                )


if __name__ == "__main__":
    main()
