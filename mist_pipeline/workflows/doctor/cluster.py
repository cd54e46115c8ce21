"""The cluster: whether its scheduler answers, how many workers it has, and whether they are like this machine."""

from collections.abc import Iterator, Mapping
from typing import Any

from mist_pipeline.analysis.stats.cluster import ClusterError, connected
from mist_pipeline.domain.text import clean, count
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check
from mist_pipeline.workflows.running.likeness import Facts, chosen_organisation, differences, facts, facts_of
from mist_pipeline.workflows.self_monitoring.trouble import size

SUBJECT = "cluster"
_WITHIN_SECONDS = 10.0
_NAMED = 3
"""Workers that are named; they tend to be wrong together."""


def cluster(settings: Settings) -> Iterator[Check]:
    """What the scheduler and each worker say; nothing is said where there is no cluster."""
    if settings.compute.engine != "dask":
        return
    address = str(settings.compute.scheduler)
    try:
        with connected(address, within=_WITHIN_SECONDS) as client:
            workers: Mapping[str, Mapping[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
            said = client.run(facts_of, chosen_organisation(settings), on_error="return") if workers else {}
    except (ClusterError, OSError) as error:
        fix = "start it: `dask scheduler`, or set compute.scheduler to where it is"
        yield Check(WRONG, SUBJECT, clean(str(error), 400), fix)
        return
    if not workers:
        fix = f"start some: `dask worker {address} --nthreads 1`; runs about days wait for them ten minutes"
        yield Check(WRONG, SUBJECT, f"{address} answers, and has no workers", fix)
        return
    yield from judged(address, workers, said, facts(settings))


def judged(
    address: str, workers: Mapping[str, Mapping[str, Any]], said: Mapping[str, Any], here: Facts
) -> Iterator[Check]:
    """What is to be said of workers.

    Args:
        address: Of their scheduler.
        workers: Address of a worker → what the scheduler knows of it.
        said: The same → what it is like, or the error that kept it from saying so.
        here: What it has to be like.
    """
    wrong = {worker: _wrong(said.get(worker), here) for worker in sorted(workers)}
    unlike = [f"{worker}: {what}" for worker, what in wrong.items() if what]
    if unlike:
        more = f" and {len(unlike) - _NAMED} more" if len(unlike) > _NAMED else ""
        found = f"{len(unlike)} of {count(len(workers), 'worker')} would refuse every step: {'; '.join(unlike[:_NAMED])}{more}"
        fix = "give them the version, the configuration and the environment of this machine, and start them again"
        yield Check(WRONG, SUBJECT, found, fix)
        return
    threads = sorted({int(one["nthreads"]) for one in workers.values()})
    memory = min(int(one["memory_limit"] or 0) for one in workers.values())
    limit = f"at most {size(memory)} of memory each" if memory else "memory without a limit"
    found = f"{address}: {count(len(workers), 'worker')} like this machine, {limit}"
    if threads != [1]:
        several = f"{found}; {threads[-1]} threads in one of them"
        yield Check(DOUBTFUL, SUBJECT, several, "start them with --nthreads 1 and more of them (--nworkers)")
    else:
        yield Check(FINE, SUBJECT, found)


def _wrong(said: object, here: Facts) -> str:
    if isinstance(said, Mapping):
        return "; ".join(differences(here, said))
    return clean(str(said), 200) if said else "it did not answer"
