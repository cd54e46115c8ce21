"""Silences and maintenance windows: about which alerts nobody is notified for now, and why.

Here: the silence as a value, the keys of a planned one in the configuration, labels of an alert, and the question whether
it is silenced. A silence changes nothing about an alert: it is asked anew at every evaluation, so that whatever is true
when it ends is notified then. Not here: storing silences (``ledger``).

>>> from datetime import UTC, datetime
>>> updates = PlannedSilence.model_validate(
...     {"name": "updates", "match": 'site_group="North"', "window": {"begins": "02:00", "until": "04:00", "zone": "UTC"}}
... )
>>> at_three = datetime(2026, 11, 28, 3, tzinfo=UTC)
>>> silenced_by({"site_group": ("North",)}, [updates.silence()], at_three)
'updates'
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, model_validator

from mist_pipeline.alerts.lifecycle.model import Alert, without_days
from mist_pipeline.alerts.notify.config import Match, matchers_of
from mist_pipeline.alerts.notify.matchers import Labels, Matcher, all_match
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.config_section import PlacedError, Section
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.domain.text import clean

if TYPE_CHECKING:
    import polars as pl

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class PlannedSilence(Section):
    """A planned silence: once, or in a window that comes again.

    Raises:
        ValidationError: It would silence everything, never end, or never begin.
    """

    name: str = Field(min_length=1, description="For people.")
    match: Match = Field(description="Matchers of the alerts of which nobody is notified.")
    starts_at: AwareDatetime | None = Field(None, description="Not before this instant (with its zone).")
    ends_at: AwareDatetime | None = Field(None, description="Not from this instant on.")
    window: Window | None = Field(None, description="Recurring part of the time between.")
    comment: str = Field("", description="Why.")

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if not self.match.strip():
            raise PlacedError(("match",), "must not be empty: everything would be silent")
        if self.ends_at is None and self.window is None:
            raise ValueError("would never end; give it `ends_at`, or a `window` that comes again")
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise PlacedError(("ends_at",), f"is not after starts_at, {self.starts_at.isoformat()}")
        # What only the silence itself refuses: an end before 1970.
        self.silence()
        return self

    def silence(self) -> "Silence":
        """The silence as those of the ledger are."""
        return Silence(
            silence_id=self.name,
            matchers=matchers_of(self.match),
            starts_at=self.starts_at or _EARLIEST,
            ends_at=self.ends_at,
            window=self.window,
            created_by="configuration",
            comment=self.comment,
        )


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Nobody is notified of alerts with these labels between two instants, or while the window is open in between.

    Those of the ledger (``mist-pipeline alerts silence``) and those of the configuration (`PlannedSilence`) alike.

    Attributes:
        silence_id: Name.
        matchers: All must match; at least one, since none would silence everything.
        starts_at: Not before.
        ends_at: Not from then on; None only together with a window.
        window: Recurring part of the time between.
        created_by: Who asked for it.
        comment: Why.

    Raises:
        ValueError: No matcher, no end, or an end that is not after the start.
    """

    silence_id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime | None
    window: Window | None = None
    created_by: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.matchers:
            raise ValueError(f"silence {self.silence_id} has no matcher and would silence everything")
        if self.ends_at is None and self.window is None:
            raise ValueError(
                f"silence {self.silence_id} would never end: give it an end or a recurring window"
            )
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError(
                f"silence {self.silence_id} ends at {self.ends_at}, which is not after its start {self.starts_at}"
            )

    def is_active(self, now: datetime) -> bool:
        """Whether it silences at this instant."""
        if now < self.starts_at or (self.ends_at is not None and now >= self.ends_at):
            return False
        return self.window is None or self.window.contains(now)

    def silences(self, labels: Labels, now: datetime) -> bool:
        """Whether something with these labels is silenced now."""
        return self.is_active(now) and all_match(self.matchers, labels)


def site_labels(sites: "pl.DataFrame", names: Mapping[str, str] | None = None) -> dict[str, Labels]:
    """Labels of every site.

    Args:
        sites: ``history.sites`` of one day: site_id, name, country_code, sitegroup_ids, attributes (JSON).
        names: Id → name of groups and templates; both match then.

    Returns:
        Site id → site, site_group, country, model, firmware, template.
    """
    known = names or {}

    def called(ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for one in ids for word in (one, known.get(one, one))))

    shown = display_names(dict(sites.select("site_id", "name").iter_rows()))
    labels: dict[str, Labels] = {}
    columns = ("site_id", "name", "country_code", "sitegroup_ids", "attributes")
    for site_id, name, country, groups, attributes in sites.select(columns).iter_rows():
        shared = json.loads(attributes or "{}")
        labels[site_id] = {
            # As it was typed, as it can be read, and as people are shown it: each may be copied from somewhere.
            "site": tuple(dict.fromkeys((name or "", clean(name or ""), shown[site_id]))),
            "country": (country or "",),
            "site_group": called(groups or ()),
            "model": tuple(shared.get("models") or ()),
            "firmware": tuple(shared.get("firmware") or ()),
            "template": called(shared.get("templates") or ()),
        }
    return labels


def alert_labels(alert: Alert, labels_by_site: Mapping[str, Labels], scope: str = "site") -> Labels:
    """Labels of an alert: its own and its site's."""
    return {
        **labels_by_site.get(alert.site_id, {}),
        "site_id": (alert.site_id,),
        "family": (without_days(alert.family),),
        "metric": (alert.metric,),
        "kind": alert.kinds,
        "severity": (alert.severity,),
        "classifier": (alert.classifier,),
        "scope": (scope,),
    }


def labels_of_parts(alert: Alert, labels: Labels) -> list[Labels]:
    """Labels by which routes find an alert besides its own: one set for each other family in which its trouble shows.

    Silences ask for its own only: what is silent about throughput hides no trouble that only shows there, too.
    """
    return [
        {**labels, "family": (family,), "metric": metrics}
        for family, metrics in alert.metrics_of_parts.items()
    ]


def silenced_by(labels: Labels, silences: Iterable[Silence], now: datetime) -> str | None:
    """Name of the silence that these labels fall under now, the first by name; None if there is none."""
    return min((one.silence_id for one in silences if one.silences(labels, now)), default=None)
