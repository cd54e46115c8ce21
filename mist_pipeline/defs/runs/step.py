"""One step of a run, by itself: as the process of the run executes it, and as a worker of a cluster does.

A worker has its own configuration, environment and ``DAGSTER_HOME``. It is told which run and step it is, what came before, and what it has to be
like; it refuses a step if it differs, and otherwise loads the project once. What it says to Dagster it stores itself. A step ends with its
run: whoever cancels a run, or takes over from the machine that it was on, also stops what workers do for it. Not here: which steps go where (`cluster`).
"""

import ctypes
import importlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from types import ModuleType

import dagster as dg
from dagster._core.definitions.job_base import IJob, InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.context_creation_job import create_context_free_log_manager
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.retries import RetryMode
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import deserialize_value, serialize_value

from mist_pipeline.settings import SettingsError
from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE
from mist_pipeline.workflows.running.dagster_database import name_driver
from mist_pipeline.workflows.running.likeness import Facts, differences, facts, settings_of

LOOK_SECONDS = 2.0
"""Between two looks whether the run of a step still goes on."""

_DEFINITIONS = "mist_pipeline.definitions"
"""Loaded by its name, as Dagster loads it: it knows this room, and not the other way round."""

_NO_CAPTURE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
"""Dagster would turn stdout and stderr of the whole process to files of a step, and a worker may have several steps."""


class StepRefusedError(RuntimeError):
    """This worker may not execute the step; says why, and on which machine."""


@dataclass(frozen=True)
class StepRequest:
    """What a worker is asked for. No secret is in it.

    Attributes:
        organisation: Which of several; '' where there is one.
        run_id: The run.
        job: Its job.
        step: Key of the step.
        state: What the run knows of earlier steps, as Dagster writes it down.
        facts: What the worker has to be like.
    """

    organisation: str
    run_id: str
    job: str
    step: str
    state: str
    facts: Facts


def events_of_step(
    job: IJob, run: dg.DagsterRun, instance: dg.DagsterInstance, step: str, state: KnownExecutionState
) -> Iterator[dg.DagsterEvent]:
    """Execute one step here. Whoever asks decides whether it is tried again, and holds its place in the pool."""
    plan = create_execution_plan(
        job, run_config=run.run_config, step_keys_to_execute=[step], known_state=state, tags=run.tags
    )
    yield from execute_plan_iterator(
        plan, job, run, instance, retry_mode=RetryMode.DEFERRED, run_config=run.run_config
    )


def execute_on_worker(request: str) -> list[str]:
    """Execute a step on this worker; what Dask calls.

    A step whose worker dies is given to another one and begins anew. Its rows replace those of the same days, so nothing is doubled.

    Args:
        request: A `StepRequest` as JSON.

    Returns:
        Its events, as Dagster writes them down.

    Raises:
        StepRefusedError: This worker may not.
    """
    wanted = StepRequest(**json.loads(request))
    definitions = _definitions_like(wanted)
    instance = _instance()
    run = instance.get_run_by_id(wanted.run_id)
    if run is None:
        raise StepRefusedError(
            f"Dagster's storage of the worker on {socket.gethostname()} does not know this run: dagster.yaml in its DAGSTER_HOME "
            "has to name the same database"
        )
    if run.is_finished or run.status == dg.DagsterRunStatus.CANCELING:
        raise StepRefusedError(f"the run is over: {run.status.value}")
    whole = definitions.resolve_job_def(wanted.job)
    job = InMemoryJob(
        whole.get_subset(
            op_selection=run.resolved_op_selection,
            asset_selection=run.asset_selection,
            asset_check_selection=run.asset_check_selection,
        )
    )
    here = f"{socket.gethostname()}, process {os.getpid()}"
    state = deserialize_value(wanted.state, KnownExecutionState)
    begun = dg.DagsterEvent.step_worker_started(
        create_context_free_log_manager(instance, run),
        run.job_name,
        f"A worker of the cluster began: {here}.",
        {"worker": dg.MetadataValue.text(here)},
        wanted.step,
    )
    with ended_with_run(instance, run.run_id):
        return [
            serialize_value(event)
            for event in (begun, *events_of_step(job, run, instance, wanted.step, state))
        ]


def request_of(request: StepRequest) -> str:
    """What `execute_on_worker` takes."""
    return json.dumps(asdict(request))


@contextmanager
def ended_with_run(
    instance: dg.DagsterInstance, run_id: str, look_seconds: float = LOOK_SECONDS
) -> Iterator[None]:
    """Interrupt this thread once the run is over, canceled or taken over, as a signal would interrupt the process of a run.

    A step that went on would replace rows that a later run has made of more.
    """
    thread, is_over, deciding = threading.get_ident(), threading.Event(), threading.Lock()

    def look() -> None:
        while not is_over.wait(look_seconds):
            with suppress(Exception):  # a database that is away; the step finds out itself
                run = instance.get_run_by_id(run_id)
                if run is not None and not run.is_finished and run.status != dg.DagsterRunStatus.CANCELING:
                    continue
                with deciding:
                    if not is_over.is_set():
                        _interrupt(thread)
                return

    looking = threading.Thread(target=look, name=f"run of a step: {run_id}", daemon=True)
    looking.start()
    try:
        yield
    finally:
        with deciding:
            is_over.set()


def _interrupt(thread: int) -> None:
    """Raise in another thread what a signal raises in the main one; it comes between two instructions of Python."""
    error = ctypes.py_object(dg.DagsterExecutionInterruptedError)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)


@dataclass(frozen=True)
class _Loaded:
    facts: Facts
    definitions: dg.Definitions


_loading = threading.Lock()
_loaded: dict[str, _Loaded] = {}


def _definitions_like(wanted: StepRequest) -> dg.Definitions:
    """The project as this worker's configuration has it, loaded once, and again where the configuration may have changed.

    Raises:
        StepRefusedError: It differs from that of the run.
    """
    with _loading:
        known = _loaded.get(wanted.organisation)
        if known is not None and not differences(wanted.facts, known.facts):
            return known.definitions
        try:
            settings = settings_of(wanted.organisation)
        except SettingsError as error:
            raise StepRefusedError(
                f"the configuration of the worker on {socket.gethostname()} cannot be used: {error}"
            ) from None
        here = facts(settings)
        if differing := differences(wanted.facts, here):
            raise StepRefusedError(
                f"the worker on {socket.gethostname()} is not like the machine of the run, and would make other rows: "
                f"{'; '.join(differing)}. Give it the same version and configuration, and start it again"
            )
        module = _module(wanted.organisation)
        made: dg.Definitions = module.build_defs(settings)
        _loaded[wanted.organisation] = _Loaded(here, made)
        return made


def _module(organisation: str) -> ModuleType:
    # It loads the settings of this process, which of several organisations are of none before one is chosen.
    before = os.environ.get(ORGANISATION_VARIABLE)
    if organisation:
        os.environ[ORGANISATION_VARIABLE] = organisation
    try:
        return importlib.import_module(_DEFINITIONS)
    finally:
        if before is None:
            os.environ.pop(ORGANISATION_VARIABLE, None)
        else:
            os.environ[ORGANISATION_VARIABLE] = before


@cache
def _instance() -> dg.DagsterInstance:
    """Dagster's instance of this worker.

    Raises:
        StepRefusedError: There is none.
    """
    home = os.environ.get("DAGSTER_HOME", "")
    if not home:
        raise StepRefusedError(
            f"DAGSTER_HOME is not set for the worker on {socket.gethostname()}: a folder with the dagster.yaml that names the database"
        )
    name_driver(os.environ)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides=_NO_CAPTURE))
