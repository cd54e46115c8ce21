"""Which organisations the daemon and the UI serve, and the workspace file that leads to them."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from mist_pipeline.cli.code_location.files import CODE_LOCATION
from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.dagster_home import dagster_home, environment
from mist_pipeline.cli.serving.served import locations_of, settings_of_all, take_folders
from mist_pipeline.settings import SettingsError
from mist_pipeline.workflows.doctor.installation import configuration
from mist_pipeline.workflows.running.folder_lock import FolderInUseError, holder
from mist_pipeline_tests.support.cli.calls import Call


def of(key: str, text: str = "") -> Path:
    path = Path("config/organisations") / f"{key}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two organisations, none chosen."""
    monkeypatch.chdir(tmp_path)
    for name in ("MIST_PIPELINE_DATA", "MIST_PIPELINE_ORG", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    of("acme")
    of("globex")
    return tmp_path


def keys() -> list[str]:
    return [one.organisation.key for one in settings_of_all()]


def test_all_of_several_are_served_or_the_one_that_is_chosen(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys() == ["acme", "globex"]
    shared, own = Path("config/config.yaml"), Path("config/organisations/acme.yaml")
    assert locations_of(settings_of_all())[Location("acme", "acme")] == [shared, own]
    monkeypatch.setenv("MIST_PIPELINE_ORG", "globex")
    assert keys() == ["globex"]


def test_an_installation_without_organisations_is_served_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIST_PIPELINE_ORG", raising=False)
    (served,) = settings_of_all()
    assert locations_of([served]) == {Location(CODE_LOCATION): []}


def test_one_that_is_configured_wrongly_keeps_no_other_from_being_served(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of("globex", "history: {keep_days: 0}")
    assert keys() == ["acme"]
    said = " ".join(capsys.readouterr().err.split())
    assert "globex is not served: config/organisations/globex.yaml: history.keep_days" in said
    of("acme", "histroy: {}")
    with pytest.raises(SettingsError, match="acme is not served"):
        settings_of_all()


@pytest.mark.parametrize(
    "command", [("status",), ("daemon", "--host", "nowhere"), ("site", "x", "--org", "acme")]
)
def test_a_variable_of_an_organisation_that_there_is_not_is_said_with_the_nearest_that_there_is(
    command: tuple[str, ...], two: Path, call: Call
) -> None:
    own = {"MIST_PIPELINE_ACME__MIST__DETAIL": "full", "MIST_PIPELINE__MIST__DETAIL": "full"}
    assert "of no organisation" not in call(*command, **own).err
    own["MIST_PIPELINE_ACMEX__MIST__DETAIL"] = own["MIST_PIPELINE_OTHER__MIST__DETAIL"] = "full"
    said = " ".join(call(*command, **own).err.split())
    assert said.count("of no organisation in config/organisations (there are acme, globex)") == 1
    assert "MIST_PIPELINE_ACMEX__MIST__DETAIL, MIST_PIPELINE_OTHER__MIST__DETAIL: " in said
    assert "so nothing reads it; the nearest to ACMEX is acme" in said


def test_what_the_daemon_starts_does_not_say_it_again(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIST_PIPELINE_ACMEX__MIST__DETAIL", "full")
    monkeypatch.setenv("MIST_PIPELINE_ACME__MIST__DETAIL", "full")
    settings = settings_of_all()[0]
    handed_on = environment(settings)
    assert "MIST_PIPELINE_ACMEX__MIST__DETAIL" not in handed_on
    assert handed_on["MIST_PIPELINE_ACME__MIST__DETAIL"] == "full"
    check = configuration(settings, str)
    assert (check.verdict, "the nearest to ACMEX is acme" in check.found) == ("doubtful", True)


@pytest.mark.parametrize(
    ("acme", "globex"),
    [
        ("postgresql://mist@db/alerts", "postgresql://mist@db/alerts"),
        ("postgresql://mist@db/alerts", "postgresql+psycopg://mist@DB:5432/alerts"),
        ("/srv/alerts.db", "/srv/mist/../alerts.db"),
        ("/srv/alerts.db", "sqlite:////srv/alerts.db"),
        ("data/globex/ledger.db", ""),
    ],
)
def test_two_with_one_ledger_are_refused_however_it_is_written(two: Path, acme: str, globex: str) -> None:
    of("acme", f"alerts: {{ledger: '{acme}'}}")
    of("globex", f"alerts: {{ledger: '{globex}'}}" if globex else "")
    with pytest.raises(SettingsError, match="acme and globex have the same ledger"):
        settings_of_all()


@pytest.mark.parametrize("globex", ["postgresql://mist@db/others", "postgresql://globex@db/alerts"])
def test_ledgers_beside_each_other_in_one_database_server_are_not_the_same(two: Path, globex: str) -> None:
    of("acme", "alerts: {ledger: 'postgresql://mist@db/alerts'}")
    of("globex", f"alerts: {{ledger: '{globex}'}}")
    assert keys() == ["acme", "globex"]


def test_whoever_serves_has_the_folders_of_all_and_the_common_one(two: Path) -> None:
    served = settings_of_all()
    with ExitStack() as stack:
        assert len(take_folders(served, "mist-pipeline daemon", "http://127.0.0.1:3000", stack)) == 3
        assert holder(two / "data" / "globex") is not None
        with pytest.raises(FolderInUseError, match=f"{two}/data is in use"), ExitStack() as other:
            take_folders(served[:1], "mist-pipeline ui", "http://127.0.0.1:3001", other)
    assert holder(two / "data" / "globex") is None


def test_organisations_share_places_for_runs_of_which_mornings_get_a_third(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limits() -> tuple[int, list[dict[str, object]]]:
        text = (dagster_home(settings_of_all()[0]) / "dagster.yaml").read_text(encoding="utf-8")
        runs = yaml.safe_load(text)["concurrency"]["runs"]
        return runs["max_concurrent_runs"], runs["tag_concurrency_limits"]

    heavy, of_each = {"key": "mist_pipeline/kind", "value": "heavy", "limit": 6}, "mist_pipeline/load"
    places, found = limits()
    assert (places, found[0], found[1]["key"]) == (18, heavy, of_each)
    monkeypatch.setenv("MIST_PIPELINE__COMPUTE__MAX_RUNS", "30")
    places, found = limits()
    assert (places, found[0]["limit"]) == (30, 10)


def test_the_workspace_file_is_shown_written_once_and_its_predecessor_kept(two: Path, call: Call) -> None:
    shown = call("workspace")
    document = yaml.safe_load(shown.out)
    names = [one["grpc_server"]["location_name"] for one in document["load_from"]]
    assert (shown.code, names) == (0, ["acme", "globex"])
    home = two / "data" / "dagster"
    assert not home.exists()
    assert call("workspace", "--write").code == 0
    assert yaml.safe_load((home / "workspace.yaml").read_text(encoding="utf-8")) == document
    assert "is as it has to be" in call("workspace", "--write").text
    of("umbrella")
    assert call("workspace", "--write").code == 0
    (kept,) = home.glob("workspace.yaml.*.bak")
    assert yaml.safe_load(kept.read_text(encoding="utf-8")) == document
