"""What a run may be given: the instant it works as of, and whether people are notified of what it finds.

A resource and no tags, so that Dagster's launchpad has a form for it that says what may be written; and no configuration of single
assets, since one instant holds for the whole run. The other resources are plain objects, made from the settings in ``definitions``.
Secrets come from the environment through the settings and stay inside ``Cloud``; Dagster never sees them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

RUN = "run"
"""Key of the resource, and so its place in the configuration of a run: ``resources.run.config``."""


class RunOptions(dg.ConfigurableResource[None]):
    """The options of one run; every step and check of it gets the same instant."""

    as_of: str | None = Field(
        default=None,
        description="The instant to work as of, ISO 8601 with its offset, such as 2026-03-01T06:00:00+00:00. "
        "Only for a simulated cloud, or to make days again as they were seen. Default: when the run begins.",
    )
    notify: bool | None = Field(
        default=None,
        description="true: people are notified of the newest day of this run, also of an older day or a backfill. "
        "false: of nothing. Default: of yesterday, where it is analysed by itself.",
    )
    _instant: datetime = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Fix the instant.

        Raises:
            Failure: ``as_of`` is no instant.
        """
        self._instant = self.given or _begun(context)

    @property
    def given(self) -> datetime | None:
        """The instant that was given, UTC; None where the run works as of its own beginning.

        Raises:
            Failure: It is no instant.
        """
        if self.as_of is None:
            return None
        try:
            return instant_of(self.as_of)
        except ValueError as error:
            raise dg.Failure(f"resources.run.config.as_of: {error}", allow_retries=False) from None

    @property
    def instant(self) -> datetime:
        """The one instant of the run, UTC."""
        return self._instant


def instant_of(text: str) -> datetime:
    """An instant that somebody wrote, UTC.

    Raises:
        ValueError: It is none, or without an offset, so that it might be any of a day.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(
            f"{text!r} is no instant; write date, time and offset, such as 2026-03-01T06:00:00+00:00"
        )
    return instant.astimezone(UTC)


def run_config(as_of: datetime | None = None, *, notify: bool | None = None) -> dict[str, Any]:
    """The configuration of a run with these options; empty where both are left out."""
    options = {"as_of": as_of.isoformat() if as_of else None, "notify": notify}
    given = {name: value for name, value in options.items() if value is not None}
    return {"resources": {RUN: {"config": given}}} if given else {}


def refuse_wrong_options(config: Mapping[str, Any]) -> None:
    """Refuse options of a run that are none, or that cannot be read.

    Dagster looks at them only where a step of the run needs them; who asks ``analysis/trends`` for ``as_off`` would be told nothing.

    Args:
        config: The configuration of a run.

    Raises:
        Failure: What is wrong, where, and what may be written.
    """
    here: Any = config
    for name in ("resources", RUN, "config"):
        here = here.get(name) if isinstance(here, Mapping) else None
    if here is None:
        return
    place, names = f"resources.{RUN}.config", ", ".join(sorted(RunOptions.model_fields))
    wrong = sorted(set(here) - set(RunOptions.model_fields)) if isinstance(here, Mapping) else [str(here)]
    if wrong:
        said = f"{place}: there is no option {', '.join(map(repr, wrong))}; there are {names}."
        raise dg.Failure(said, allow_retries=False)
    as_of, notify = here.get("as_of"), here.get("notify")
    if notify is not None and not isinstance(notify, bool):
        raise dg.Failure(f"{place}.notify: {notify!r} is neither true nor false", allow_retries=False)
    if as_of is not None:
        RunOptions(as_of=str(as_of)).given  # noqa: B018


def asked_to_notify(config: Mapping[str, Any]) -> bool | None:
    """``notify`` in the configuration of a run that is stored."""
    here: Any = config
    for name in ("resources", RUN, "config", "notify"):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here if isinstance(here, bool) else None


def _begun(context: dg.InitResourceContext) -> datetime:
    """When the run began, or now, outside of one."""
    record = (
        context.instance.get_run_record_by_id(context.run.run_id)
        if context.run and context.instance
        else None
    )
    if record is None:
        return datetime.now(UTC)
    # One that waited in the queue asks when it begins, not when somebody wanted it.
    begun = record.start_time
    return datetime.fromtimestamp(begun, UTC) if begun else record.create_timestamp.astimezone(UTC)
