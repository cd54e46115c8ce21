"""Every check, in the order in which a newcomer needs them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.doctor.asking import cloud
from mist_pipeline.workflows.doctor.check import Check, Shown
from mist_pipeline.workflows.doctor.cluster import cluster
from mist_pipeline.workflows.doctor.installation import (
    configuration,
    data_folder,
    disk,
    file_rights,
    home,
    leftovers,
)
from mist_pipeline.workflows.doctor.pushed import webhooks
from mist_pipeline.workflows.doctor.running import Running, heartbeat, running
from mist_pipeline.workflows.doctor.store import shared_store
from mist_pipeline.workflows.doctor.stored import (
    ledger,
    old_hours,
    published,
    raw_files,
    raw_snapshot,
    sites,
    warehouse,
)
from mist_pipeline.workflows.doctor.telling import delivery, last_results, matchers, sinks


def checks(
    settings: Settings,
    dagster_home: Path,
    shown: Shown = str,
    *,
    ask: Callable[[], tuple[Running | None, tuple[str, str] | None]] = lambda: (None, None),
    deep: bool = False,
) -> Iterator[Check]:
    """Every subject, found when it is asked for: what takes long comes last.

    Args:
        settings: The settings.
        dagster_home: Where Dagster keeps its storage.
        shown: How paths are written, for example relative to the working directory.
        ask: Asks Dagster what it says of runs and clocks (None where it keeps nothing yet, or cannot be asked), and
            what is wrong with its storage, and what to do (None where it can be used).
        deep: Read all raw files, archives and files of old hours, too, which takes a while.
    """
    yield configuration(settings, shown)
    yield data_folder(settings, shown)
    yield from file_rights(settings, shown)
    yield from cloud(settings)
    yield from shared_store(settings)
    yield raw_files(settings, shown) if deep else raw_snapshot(settings, shown)
    yield warehouse(settings, shown)
    if deep:
        yield from old_hours(settings, shown)
    yield from published(settings, shown)
    yield ledger(settings, shown)
    yield from sites(settings, shown)
    yield from webhooks(settings)
    yield from delivery(settings)
    yield from last_results(settings)
    yield from sinks(settings)
    yield from matchers(settings)
    yield disk(settings, shown)
    yield from leftovers(settings, shown)
    yield heartbeat(settings)
    yield from cluster(settings)
    found, unusable = ask()
    yield home(dagster_home, shown, unusable)
    if found is not None:
        yield from running(found)
