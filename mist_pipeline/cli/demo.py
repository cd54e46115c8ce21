"""``demo``: the main job against a simulated Mist cloud, in a data folder of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mist_pipeline.cli.console import console, literal, next_commands, progress_bar, shown
from mist_pipeline.cli.failures import RunFailedError
from mist_pipeline.cli.serving.ports import free_port

if TYPE_CHECKING:
    from mist_pipeline.settings import Settings

HISTORY_DAYS = 45
SITES = 24
SEED = 7
STATUS_COLOURS = {
    "CRITICAL": "red",
    "UNHEALTHY": "dark_orange",
    "DEGRADED": "yellow",
    "HEALTHY": "green",
    "UNKNOWN": "dim",
}


CONFIGURATION = """\
# The demonstration's configuration. Messages become files in the folder messages/; docs/notifications.md has the rest.
history:
  start: {start}
organisation:
  names: {names} # the cloud tells groups by id
notifications:
  sinks:
    people: {{type: file}}
  routes:
    - {{name: everybody, sinks: [people], escalation: on call}}
  escalations:
    on call: {{steps: [{{after_minutes: 15, sink: people}}]}}
"""


@dataclass(frozen=True)
class Scene:
    """What the demonstration is about; kept beside its data, so that the next run continues the same one.

    Attributes:
        now: The simulated cloud's clock, ISO 8601, UTC.
        sites: Sites of the simulated organisation.
        seed: Seed of the simulated cloud.
        days: Days of history.
    """

    now: str
    sites: int = SITES
    seed: int = SEED
    days: int = HISTORY_DAYS

    @property
    def instant(self) -> datetime:
        """The simulated present."""
        return datetime.fromisoformat(self.now)

    @property
    def evening(self) -> datetime:
        """When the schedule would have taken the last snapshot of yesterday: devices are told as they are at the time."""
        return self.instant.replace(hour=23, minute=50) - timedelta(days=1)

    @property
    def history(self) -> list[date]:
        """The whole days before the simulated present."""
        today = self.instant.date()
        return [today - timedelta(days=back) for back in range(self.days, 0, -1)]


def demo(
    data: Annotated[Path, typer.Option(help="Data folder of the demonstration.")] = Path("data/demo"),
) -> None:
    """Pull 45 days of a simulated Mist cloud over HTTP, analyse them and write the report. Again: continues.

    Example: [cyan]mist-pipeline demo --data data/demo[/]
    """
    from mist_pipeline.settings import load_settings

    begun = time.monotonic()
    scene, is_new = _scene(data)
    with _cloud(scene) as environment:
        settings = load_settings(data / "config.yaml", {**environment, "MIST_PIPELINE_DATA": str(data)})
        console.print(
            f"A simulated Mist cloud with {scene.sites} sites answers at {environment['MIST_BASE_URL']}. "
            + (
                f"{scene.days} days of history come over HTTP."
                if is_new
                else f"Continuing the demonstration in {shown(data)}."
            )
        )
        _work(settings, scene)
    _show(settings, scene, time.monotonic() - begun)


def _scene(data: Path) -> tuple[Scene, bool]:
    kept = data / "scene.json"
    if kept.exists():
        return Scene(**json.loads(kept.read_text(encoding="utf-8"))), False
    data.mkdir(parents=True, exist_ok=True)
    scene = Scene(now=present_of(datetime.now(UTC)).isoformat())
    (data / "config.yaml").write_text(
        CONFIGURATION.format(start=scene.history[0], names=_group_names(scene)), encoding="utf-8"
    )
    fresh = kept.with_suffix(".tmp")
    fresh.write_text(json.dumps(asdict(scene), indent=2), encoding="utf-8")
    fresh.replace(kept)
    return scene, True


def present_of(now: datetime) -> datetime:
    """The simulated present: the last time that it was 25 past, so that nothing is told that has not happened yet.

    >>> present_of(datetime(2026, 3, 1, 9, 24, 59, tzinfo=UTC)).isoformat()
    '2026-03-01T08:25:00+00:00'
    """
    past = now.replace(minute=25, second=0, microsecond=0)
    return past if past <= now else past - timedelta(hours=1)


def _group_names(scene: Scene) -> str:
    """Names of the simulated site groups, as the dashboard of a cloud would show them."""
    from mist_pipeline.simulator.world.world import World

    groups: dict[str, str] = {}
    for site in World(scene.sites, 1, scene.seed, quiet=True).sites():
        for place, group in enumerate(site.sitegroup_ids):
            groups.setdefault(group, "Flagship stores" if place else f"Region {len(groups) + 1}")
    return json.dumps(groups)


@contextmanager
def _cloud(scene: Scene) -> Iterator[dict[str, str]]:
    """The simulated cloud as a process of its own, and the environment that points at it."""
    from mist_pipeline.simulator.cloud.endpoints import TOKEN
    from mist_pipeline.simulator.world.organisation import ORG_ID

    port = free_port()
    command = [sys.executable, "-m", "mist_pipeline.cli", "simulate", "--port", str(port)]
    command += ["--sites", str(scene.sites), "--days", str(scene.days + 15), "--seed", str(scene.seed)]
    command += ["--story", "--now", scene.instant.strftime("%Y-%m-%dT%H:%M:%S"), "--control", "--with-parent"]
    # The pipe at its standard input is open as long as this process lives, also if that is killed.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MIST_")}
        yield {
            **kept,
            "MIST_BASE_URL": address,
            "MIST_ORG_ID": ORG_ID,
            "MIST_API_TOKEN": TOKEN,
        }
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(address: str, process: "subprocess.Popen[str]", seconds: float = 180.0) -> None:
    import requests

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            trouble = (process.stderr.read() if process.stderr else "").strip().splitlines()[-3:]
            raise RunFailedError("The simulated cloud ended: " + " ".join(trouble))
        try:
            requests.get(f"{address}/api/v1/self", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise RunFailedError(f"The simulated cloud did not answer at {address} within {seconds:.0f} s")


def _work(settings: "Settings", scene: Scene) -> None:
    from mist_pipeline.cli.execution import days_without, execute, execute_days
    from mist_pipeline.cli.run import print_outcomes
    from mist_pipeline.warehouse.publish import publish
    from mist_pipeline.workflows.warehouse_access import warehouse_of

    days, instant = scene.history, scene.instant
    outcomes = []
    with progress_bar() as bar:
        if days_without(settings, "collect", days[-1:]):
            with _clock_at(settings, scene.evening, back_to=instant):
                outcomes.append(execute(settings, "snapshots", progress=bar, as_of=scene.evening))
            outcomes.append(execute(settings, "snapshots", progress=bar, as_of=instant))
        for job, wanted in (("collect", days), ("search", days), ("analyse", days)):
            open_days = days_without(settings, job, wanted)
            if len(open_days) < len(wanted):
                console.print(
                    f"Reusing {len(wanted) - len(open_days)} of {len(wanted)} days of “{job}” from an earlier run."
                )
            for piece in _runs(open_days):
                # People are notified of yesterday as if it had been analysed this morning.
                notify = piece[-1] == days[-1]
                outcomes += execute_days(settings, job, piece, progress=bar, as_of=instant, notify=notify)
        outcomes.append(execute(settings, "live", progress=bar, as_of=instant))
        # Charts in messages are drawn from the published copy; the report tells of the incidents, and publishes once more.
        publish(warehouse_of(settings), settings.published_path)
        outcomes.append(execute(settings, "evaluate", progress=bar, as_of=instant))
        outcomes += execute_days(settings, "report", days[-1:], progress=bar, as_of=instant)
    print_outcomes(outcomes)


@contextmanager
def _clock_at(settings: "Settings", then: datetime, *, back_to: datetime) -> Iterator[None]:
    """Let the simulated cloud live at another time for the time of the block."""
    import requests

    from mist_pipeline.simulator.cloud.app import CONTROL_PATH
    from mist_pipeline.workflows.cloud import Cloud

    def move(instant: datetime) -> None:
        address = f"{Cloud(settings).api_url}{CONTROL_PATH}"
        requests.post(address, json={"now": instant.isoformat()}, timeout=10).raise_for_status()

    move(then)
    try:
        yield
    finally:
        move(back_to)


def _runs(days: Sequence[date]) -> list[list[date]]:
    """Days grouped into spans that follow one another."""
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][-1] == timedelta(days=1):
            spans[-1].append(day)
        else:
            spans.append([day])
    return spans


def _show(settings: "Settings", scene: Scene, seconds: float) -> None:
    page = max((settings.reports_path / "history" / scene.history[-1].isoformat()).glob("*.html"))
    dashboard = json.loads(max(page.parent.glob("*.json")).read_text(encoding="utf-8"))
    table = Table(
        "status", "sites", title=f"\n{scene.history[-1]}", title_justify="left", box=None, pad_edge=False
    )
    for status, colour in STATUS_COLOURS.items():
        table.add_row(f"[{colour}]{status}[/]", str(dashboard["totals"]["status"].get(status, 0)))
    console.print(table)
    console.print(f"\n{dashboard['headline']}", markup=False)
    _show_incidents(settings)
    console.print(f"\nDone in {seconds:.0f} s. The page: [cyan]{shown(page)}[/]", soft_wrap=True)
    program = _program()
    next_commands(
        (f"export MIST_PIPELINE_DATA={shown(settings.data)}", "look at the demonstration:"),
        (f"{program} watch", "look at the organisation live; ? lists the keys"),
        (f"{program} report --open", "read the page in a browser"),
        (f"{program} alerts list", "incidents; then: alerts show, alerts ack"),
        (f'{program} sql "FROM worst_sites"', "query the warehouse; also FROM open_incidents"),
        (f"{program} ui", "see the runs, assets and checks in Dagster"),
        ("unset MIST_PIPELINE_DATA", "leave the demonstration; its folder takes no other organisation"),
        (
            f"{program} init",
            "then a token in MIST_API_TOKEN: the same against your organisation",
        ),
    )


def _program() -> str:
    """What to type for this program where it was called: it is on the path, or in the environment of a checkout."""
    called = Path(sys.argv[0])
    if shutil.which("mist-pipeline") or called.name != "mist-pipeline":
        return "mist-pipeline"
    return literal(shown(called))


def _show_incidents(settings: "Settings") -> None:
    """Which messages went out, and where they are as files."""
    import polars as pl

    from mist_pipeline.domain.text import clean, count
    from mist_pipeline.workflows.ledger_access import open_ledger

    with open_ledger(settings) as ledger:
        incidents = ledger.frames()["incidents"].filter(pl.col("state") != "merged").sort("opened_at")
    pages = sorted((settings.data / "messages").glob("*/*.html"))
    console.print(f"\n{count(incidents.height, 'incident')}, {count(len(pages), 'message')}:")
    for incident_id, cause, state in incidents.select("incident_id", "cause", "state").iter_rows():
        console.print(f"  • {clean(cause)}", markup=False)
        mine = [page for page in pages if page.parent.name == incident_id]
        if not mine and state == "resolved":
            console.print("    no message: it was over before it was noticed", style="dim")
        for page in mine:
            console.print(f"    [cyan]{shown(page)}[/]", soft_wrap=True)
