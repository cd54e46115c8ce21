"""The cloud: token and its rights, organisation, clock, call budget."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mist_pipeline.domain.text import clean
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.errors import Forbidden, MistError, OrganisationUnclear, Unauthorized
from mist_pipeline.mist.organisation import Organisation
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError, refuse_other

_LATELY = 3600
"""Seconds of the audit log that are asked for, to see whether that is allowed."""

MAX_SKEW = timedelta(seconds=60)


def cloud(settings: Settings) -> Iterator[Check]:
    """Token, organisation, rights, clock skew and call budget; later ones are left out where an earlier one fails."""
    opened = Cloud(settings)
    try:
        with (
            _room_for_budget(settings) as place,
            opened.any_client(patience_seconds=0, budget_path=place) as client,
        ):
            organisation = client.resolve_org()
            yield Check(FINE, "token", f"accepted by {opened.api_url}")
            yield _organisation(settings, opened.owner(organisation))
            yield rights(organisation)
            if settings.monitoring.enable_changes:
                yield audit_log(partial(client.pages, endpoints.audit_logs(organisation.id, *_lately())))
            yield _skew(client.clock_skew)
            usage = client.usage()
            left, an_hour = client.budget.remaining("batch"), client.budget.calls_per_hour("batch")
            found = (
                f"{left} of {an_hour} calls left this hour for batch runs; the cloud counted {usage.requests}"
            )
            fix = "" if left else f"wait for the next hour, or add a token to {settings.mist.token_from}"
            yield Check(FINE if left else DOUBTFUL, "call budget", found, fix)
    except SettingsError as error:
        yield Check(WRONG, "token", "none", str(error))
    except Unauthorized as error:
        yield Check(
            WRONG, "token", str(error), "create a new token, or set mist.cloud to the region it belongs to"
        )
    except OrganisationUnclear as error:
        yield Check(WRONG, "organisation", str(error), "set MIST_ORG_ID to the one to watch")
    except MistError as error:
        yield Check(WRONG, "cloud", str(error), f"is {opened.api_url} right and reachable?")


@contextmanager
def _room_for_budget(settings: Settings) -> Iterator[Path]:
    """The call budget of the data folder; where there is none yet, one that leaves no folder behind."""
    if settings.budget_path.parent.exists():
        yield settings.budget_path
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / settings.budget_path.name


def _organisation(settings: Settings, asked: Owner) -> Check:
    try:
        known = refuse_other(settings, asked)
    except OtherOrganisationError as error:
        return Check(
            WRONG,
            "organisation",
            str(error),
            "a data folder of its own for every organisation: MIST_PIPELINE_DATA",
        )
    whose = "" if known else "; the data folder will belong to it with the first run"
    return Check(FINE, "organisation", f"{clean(asked.name)} ({asked.org_id}){whose}")


def rights(reached: Organisation) -> Check:
    """What the token may do in the organisation. Reading all of it is enough, and more is a risk without use."""
    role, where = clean(reached.role, 40) or "not told", clean(reached.scope, 40) or "not told"
    found = f"role {role}, scope {where}"
    observer = "a token with the role Observer (read) for the whole organisation is enough"
    if reached.scope not in ("org", "msp", "orggroup"):
        return Check(DOUBTFUL, "rights", f"{found}: sites beyond it are not seen", observer)
    if reached.role == "read":
        return Check(FINE, "rights", f"{found}: it reads, and can change nothing")
    if reached.role in ("write", "admin"):
        return Check(FINE, "rights", f"{found}: it could also change the network", observer)
    return Check(DOUBTFUL, "rights", f"{found}: it may not see all service levels", observer)


def audit_log(read: Callable[[], Iterable[object]]) -> Check:
    """Whether the token may read the audit log. Said here alone: a fetch that may not read it goes on without.

    Args:
        read: Asks for a part of it.
    """
    try:
        list(read())
    except Forbidden:
        return Check(
            DOUBTFUL,
            "audit log",
            "the token may not read it: of configuration changes only those are known that a webhook tells",
            "a token whose role may read the audit log, or monitoring.enable_changes: false",
        )
    return Check(FINE, "audit log", "the token may read it: configuration changes are known")


def _lately() -> tuple[int, int]:
    now = int(time.time())
    return now - _LATELY, now


def _skew(skew: timedelta | None) -> Check:
    if skew is None:
        return Check(DOUBTFUL, "clock", "the cloud did not tell its time")
    if abs(skew) < MAX_SKEW:
        return Check(FINE, "clock", f"{skew.total_seconds():+.0f} s against the cloud")
    return Check(
        DOUBTFUL,
        "clock",
        f"{skew.total_seconds():+.0f} s against the cloud",
        "synchronise this machine's clock (NTP)",
    )
