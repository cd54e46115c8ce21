"""What a run may be given in Dagster's launchpad: which jobs have the form, what it takes, and the one instant of a run."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository

from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.resources import RUN, RunOptions, asked_to_notify, instant_of, run_config
from mist_pipeline.defs.runs.executor import in_process
from mist_pipeline.settings import load_settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.slow
def test_every_job_has_a_form_that_says_what_may_be_written() -> None:
    definitions = build_defs(load_settings(environment={}))
    jobs = [*definitions.resolve_all_job_defs()]
    assert {"daily", "live", "evaluate", "retention", "__ASSET_JOB"} <= {job.name for job in jobs}
    for job in jobs:
        config: Any = job.run_config_schema.run_config_schema_type
        form = config.fields["resources"].config_type.fields[RUN].config_type.fields["config"].config_type
        assert sorted(form.fields) == ["as_of", "notify"], job.name
        assert all(field.description and not field.is_required for field in form.fields.values())


def seen_by(as_of: str | None, steps: int = 1) -> tuple[dg.ExecuteInProcessResult, list[datetime]]:
    """A run of some steps, and the instant that each of them saw."""
    instants: list[datetime] = []

    def step(number: int) -> dg.AssetsDefinition:
        @dg.asset(key=f"step_{number}", deps=[f"step_{number - 1}"] if number else [])
        def made(run: RunOptions) -> None:
            instants.append(run.instant)

        return made

    options = {} if as_of is None else {"resources": {RUN: {"config": {"as_of": as_of}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [step(number) for number in range(steps)],
            instance=instance,
            resources={RUN: RunOptions()},
            run_config=options,
            raise_on_error=False,
        )
    return result, instants


def test_an_instant_that_is_given_is_the_one_of_every_step() -> None:
    _, instants = seen_by("2026-03-01T14:00:00+02:00", steps=2)
    assert instants == [NOON, NOON]


def test_a_run_without_one_works_as_of_its_own_beginning() -> None:
    before = datetime.now(UTC)
    _, (first, second) = seen_by(None, steps=2)
    assert before - timedelta(seconds=1) <= first == second <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-03-01", "2026-03-01T12:00:00"])
def test_what_is_no_instant_is_refused_and_not_read_in_the_zone_of_this_machine(text: str) -> None:
    result, instants = seen_by(text)
    assert (result.success, instants) == (False, [])
    with pytest.raises(ValueError, match="write date, time and offset"):
        instant_of(text)


@dg.asset
def needs_nothing() -> None:
    """An asset that takes no options, as ``analysis/trends``."""


@dg.asset
def needs_options(run: RunOptions) -> None:
    """An asset that takes them, and is not chosen."""


DEFINITIONS = dg.Definitions(
    [needs_nothing, needs_options], resources={RUN: RunOptions()}, executor=in_process
)
BY_HAND = ReconstructableRepository.for_module(__name__, "DEFINITIONS").get_reconstructable_job("__ASSET_JOB")
"""The job of "Materialize" on the page of an asset: Dagster does not look at options there which no chosen asset takes."""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"as_off": "2026-03-01T12:00:00+00:00"}, "there is no option 'as_off'; there are as_of, notify"),
        ({"as_of": "tomorrow"}, "'tomorrow' is no instant"),
        ({"notify": "yes"}, "'yes' is neither true nor false"),
        ({"as_of": "2026-03-01T12:00:00+00:00", "notify": False}, None),
        ({}, None),
    ],
)
def test_a_misspelled_option_fails_the_run_also_where_no_step_takes_it(
    options: dict[str, Any], said: str | None
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        config = {"resources": {RUN: {"config": options}}}
        result = dg.execute_job(BY_HAND, instance, run_config=config, asset_selection=[needs_nothing.key])
        assert result.success is (said is None)
        [record] = instance.get_run_records()
        kinds = {dg.DagsterEventType.RUN_FAILURE}
        failures = instance.get_records_for_run(record.dagster_run.run_id, of_type=kinds).records
        messages = [str(one.event_log_entry.dagster_event) for one in failures]
    assert [said in message for message in messages if said] == ([True] if said else [])


@pytest.mark.parametrize("notify", [None, True, False])
def test_what_a_run_was_asked_is_read_from_its_configuration(notify: bool | None) -> None:
    written = run_config(NOON.astimezone(timezone(timedelta(hours=2))), notify=notify)
    assert asked_to_notify(written) is notify
    assert instant_of(written["resources"][RUN]["config"]["as_of"]) == NOON


@pytest.mark.parametrize(
    "config", [{}, {"resources": None}, {"resources": {RUN: {"config": {"notify": "yes"}}}}]
)
def test_other_configurations_ask_for_nothing(config: dict[str, Any]) -> None:
    assert asked_to_notify(config) is None
    assert run_config() == {}
