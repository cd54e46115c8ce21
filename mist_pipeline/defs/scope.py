"""What is one organisation's in a Dagster instance that may hold several: names of all that is defined, and which runs are its own.

Every name goes through a `Scope`, made from the settings: without ``organisation.key`` names are as they stand in the code, with it
assets lie below the key, and jobs, schedules, sensors, pools and loads begin with it. So whoever asks the instance by name meets
nothing of anybody else. Imported by Dagster's own processes, so it imports nothing heavy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import dagster as dg

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings
    from mist_pipeline.tables.schema import Table

ORGANISATION_TAG = "mist_pipeline/organisation"
"""Tag of assets and runs that names their organisation, where it has a key."""

LOAD_TAG = "mist_pipeline/load"
"""Run tag that names the load of a run (`run_queue`)."""

KIND_TAG = "mist_pipeline/kind"
"""Run tag with the name of that load in the code, of runs of one of several organisations: so that heavy runs of all together leave room for
polls and messages."""

_BETWEEN = "__"
"""Between the key and a name: a key never holds it, so no two organisations have a name in common."""

_PARTS = 2
"""Parts of the key of every asset of ours, without its organisation."""


@dataclass(frozen=True)
class Scope:
    """One organisation in a Dagster instance.

    Attributes:
        organisation: Its key; '' where it has none, and its names are as in the code.

    >>> acme, alone = Scope("acme"), Scope()
    >>> acme.name("daily"), alone.name("daily")
    ('acme__daily', 'daily')
    >>> acme.plain("acme__daily"), alone.plain("daily")
    ('daily', 'daily')
    >>> [scope.plain(name) for scope, name in ((acme, "daily"), (acme, "acme_eu__daily"), (alone, "acme__daily"))]
    [None, None, None]
    >>> acme.asset("raw", "sites").to_user_string(), acme.plain_asset(acme.asset("raw", "sites"))
    ('acme/raw/sites', 'raw/sites')
    """

    organisation: str = ""

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """That of an organisation with these settings."""
        return cls(settings.organisation.key)

    def name(self, name: str) -> str:
        """What a job, schedule, sensor, pool or load of the code is called."""
        return f"{self.organisation}{_BETWEEN}{name}" if self.organisation else name

    def plain(self, name: str) -> str | None:
        """The name in the code of one that is called so; None of one of another organisation."""
        organisation, between, plain = name.partition(_BETWEEN)
        if not organisation or not between:  # Dagster's own begin with the two underscores
            organisation, plain = "", name
        return plain if organisation == self.organisation else None

    def asset(self, layer: str, name: str) -> dg.AssetKey:
        """The asset of a name in a layer."""
        return dg.AssetKey([*([self.organisation] if self.organisation else []), layer, name])

    def key(self, table: "Table") -> dg.AssetKey:
        """The asset of a table: ``history/sle_daily`` is ``history.sle_daily``."""
        return self.asset(table.schema, table.name)

    def plain_asset(self, asset: dg.AssetKey) -> str:
        """Layer and name of an asset, as the people of its organisation read it."""
        return "/".join(asset.path[-_PARTS:])

    def owns_asset(self, path: Sequence[str]) -> bool:
        """Whether an asset is this organisation's, by the parts of its key; it need not be there any more."""
        return (path[0] if len(path) > _PARTS else "") == self.organisation

    @property
    def tags(self) -> dict[str, str]:
        """What assets and runs of the organisation are tagged with."""
        return {ORGANISATION_TAG: self.organisation} if self.organisation else {}

    def load(self, load: str | None) -> dict[str, str]:
        """What runs of a load are tagged with; None: of none."""
        kind = {KIND_TAG: load} if load and self.organisation else {}
        return {**self._of_load(load), **kind}

    def _of_load(self, load: str | None) -> dict[str, str]:
        return {**self.tags, **({LOAD_TAG: self.name(load)} if load else {})}

    def runs(
        self,
        job: str | None = None,
        *,
        load: str | None = None,
        statuses: Sequence[dg.DagsterRunStatus] = (),
        **more: Any,
    ) -> dg.RunsFilter:
        """Which runs of this organisation.

        Args:
            job: Name in the code of the job whose runs are meant.
            load: Load of the runs that are meant.
            statuses: In one of these; empty: in any.
            more: As of ``dagster.RunsFilter``.

        Raises:
            ValueError: Neither a job nor a load is given, by which alone runs of others are left out.
        """
        if job is None and load is None:
            raise ValueError("runs of one organisation are found by job or load; see also Scope.owns")
        return dg.RunsFilter(
            job_name=None if job is None else self.name(job),
            tags=None if load is None else self._of_load(load),
            statuses=statuses,
            **more,
        )

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether a run with these tags is this organisation's."""
        return tags.get(ORGANISATION_TAG, "") == self.organisation


ALONE = Scope()
"""Of an organisation without a key."""
