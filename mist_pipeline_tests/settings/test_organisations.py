"""Several organisations: a file each over a shared one, one of them chosen, secrets of its own."""

from pathlib import Path

import pytest

from mist_pipeline.mist.budget import CallBudget
from mist_pipeline.settings import Settings, SettingsError, load_settings, organisations
from mist_pipeline.settings.template import template

SHARED = """\
mist: {cloud: emea-01, detail: off}
history: {start: 2026-02-02}
notifications:
  sinks: {people: {type: file}}
  routes: [{name: everybody, sinks: [people]}]
"""
ACME = """\
organisation: {name: Acme, timezone: Europe/Berlin}
mist: {detail: full, token_from: ACME_TOKEN, webhook_secret_from: ACME_HOOK}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two organisations."""
    monkeypatch.chdir(tmp_path)
    write("config/config.yaml", SHARED)
    write("config/organisations/acme.yaml", ACME)
    write("config/organisations/globex.yaml", "mist: {token_from: GLOBEX_TOKEN}")
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def settings(organisation: str = "acme", **environment: str) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_ORG": organisation, **environment})


def complaint(organisation: str = "acme", **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(organisation, **environment)
    return str(caught.value)


def test_a_file_of_an_organisation_overrides_the_shared_one_key_by_key() -> None:
    acme = settings()
    assert (acme.organisation.key, acme.organisation.name, acme.organisation.timezone) == (
        "acme",
        "Acme",
        "Europe/Berlin",
    )
    assert (acme.mist.cloud, acme.mist.detail) == ("emea-01", "full")
    assert list(acme.notifications.sinks) == ["people"]
    assert settings("globex").mist.detail == "off"


def test_what_is_no_mapping_is_overridden_as_a_whole() -> None:
    write("config/organisations/acme.yaml", "notifications: {routes: [{name: critical, sinks: [people]}]}")
    assert [route.name for route in settings().notifications.routes] == ["critical"]


def test_each_organisation_has_a_data_folder_below_the_common_one(tmp_path: Path) -> None:
    acme = settings()
    assert (acme.data, acme.installation, acme.is_one_of_several) == (Path("data/acme"), Path("data"), True)
    named = settings("globex", MIST_PIPELINE_DATA=str(tmp_path / "elsewhere"))
    assert (named.data, named.installation) == (tmp_path / "elsewhere/globex", tmp_path / "elsewhere")
    assert named.ledger == tmp_path / "elsewhere/globex/ledger.db"
    assert named.budget_path.parent == named.installation


def test_each_organisation_names_the_variables_of_its_secrets() -> None:
    secrets = {
        "MIST_API_TOKEN": "of nobody",
        "ACME_TOKEN": "of-acme",
        "ACME_HOOK": "x" * 16,
        "GLOBEX_TOKEN": "g",
    }
    acme, globex = settings(**secrets), settings("globex", **secrets)
    assert [one.get_secret_value() for one in (*acme.tokens, *acme.webhook_secrets)] == ["of-acme", "x" * 16]
    assert [one.get_secret_value() for one in (*globex.tokens, *globex.webhook_secrets)] == ["g"]
    assert "ACME_HOOK holds a secret of fewer than 16" in complaint(ACME_HOOK="short")


def test_variables_of_one_organisation_win_over_those_of_all_and_these_over_files() -> None:
    of_all = {"MIST_PIPELINE__MIST__DETAIL": "triage", "MIST_PIPELINE__HISTORY__KEEP_DAYS": "9"}
    own = {
        "MIST_PIPELINE_ACME__MIST__DETAIL": "auto",
        "MIST_PIPELINE_ACME__ALERTS__LEDGER": "postgresql://mist:pw@db/acme",
        "MIST_PIPELINE_ACME__MONITORING__HEARTBEAT_URL": "https://beat.example.com/acme",
    }
    acme, globex = settings(**of_all, **own), settings("globex", **of_all, **own)
    assert (acme.mist.detail, acme.history.keep_days) == ("auto", 9)
    assert (globex.mist.detail, globex.history.keep_days) == ("triage", 9)
    assert (acme.ledger, globex.ledger) == ("postgresql://mist:pw@db/acme", Path("data/globex/ledger.db"))
    assert acme.monitoring.heartbeat_url
    assert globex.monitoring.heartbeat_url is None


@pytest.mark.parametrize(
    ("shared", "environment", "words"),
    [
        (
            "mist: {org_id: abc}",
            {},
            "config/config.yaml: mist.org_id would be the same for all organisations",
        ),
        ("", {"MIST_ORG_ID": "abc"}, "MIST_ORG_ID: mist.org_id would be the same for all"),
        (
            "warehouse: {name: all}",
            {},
            "config/config.yaml: warehouse.name would be the same for all organisations",
        ),
        ("alerts: {ledger: /srv/ledger.db}", {}, "or MIST_PIPELINE_ACME__ALERTS__LEDGER if it is a secret"),
        (
            "",
            {"MIST_PIPELINE__MONITORING__HEARTBEAT_URL": "https://beat.example.com"},
            "MIST_PIPELINE__MONITORING__HEARTBEAT_URL: monitoring.heartbeat_url would be the same",
        ),
        (
            "",
            {"MIST_PIPELINE__ALERTS": "{ledger: /srv/l.db}"},
            "MIST_PIPELINE__ALERTS: alerts.ledger would be",
        ),
    ],
)
def test_what_would_mix_organisations_is_refused(
    shared: str, environment: dict[str, str], words: str
) -> None:
    write("config/config.yaml", shared)
    assert words in complaint(**environment)


def test_an_unknown_organisation_is_an_error_that_lists_the_known_ones() -> None:
    assert (
        complaint("acem")
        == "There is no organisation 'acem' in config/organisations; there are acme, globex."
    )
    assert organisations({}) == ["acme", "globex"]


def test_without_a_choice_nobody_is_taken() -> None:
    assert "There are several organisations: acme, globex. Choose one with --org NAME" in complaint("")


def test_where_there_are_no_organisations_none_can_be_chosen(tmp_path: Path) -> None:
    elsewhere = tmp_path / "config.yaml"
    elsewhere.write_text("", encoding="utf-8")
    said = complaint(MIST_PIPELINE_CONFIG=str(elsewhere))
    assert f"{tmp_path}/organisations has no files. Write {tmp_path}/organisations/NAME.yaml" in said
    assert organisations({"MIST_PIPELINE_CONFIG": str(elsewhere)}) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Acme EU.yaml", "'Acme EU' is no key of an organisation, after which its file is named"),
        ("dagster.yaml", "'dagster' is the name of something beside the organisations"),
        ("assets.yaml", "choose another key"),
        ("acme.yml", "are both of acme; keep one of them"),
    ],
)
def test_a_file_that_is_named_wrongly_is_refused_and_stops_no_other(name: str, words: str) -> None:
    write(f"config/organisations/{name}", "")
    with pytest.raises(SettingsError) as refused:
        organisations({})
    assert words in str(refused.value)
    assert settings("globex").organisation.key == "globex"


def test_of_two_files_of_one_organisation_none_is_taken() -> None:
    write("config/organisations/acme.yml", "")
    assert "are both of acme; keep one of them" in complaint("acme")


@pytest.mark.parametrize("name", [".#acme.yaml", "._acme.yaml"])
def test_what_an_editor_puts_beside_a_file_stops_no_organisation(name: str) -> None:
    Path(f"config/organisations/{name}").symlink_to("anna@desk.4711")
    assert (organisations({}), settings().organisation.name) == (["acme", "globex"], "Acme")


@pytest.mark.parametrize("target", ["gone.yaml", "initech.yaml"])
def test_a_link_that_leads_nowhere_is_no_organisation_with_the_values_of_all(target: str) -> None:
    Path("config/organisations/initech.yaml").symlink_to(target)
    assert "config/organisations/initech.yaml: cannot be read" in complaint("initech")


def test_the_key_is_the_name_of_the_file() -> None:
    write("config/organisations/acme.yaml", "organisation: {key: umbrella}")
    assert "config/organisations/acme.yaml: organisation.key is 'umbrella'" in complaint()
    write("config/organisations/acme.yaml", "")
    said = complaint(MIST_PIPELINE__ORGANISATION__KEY="umbrella")
    assert "MIST_PIPELINE__ORGANISATION__KEY: organisation.key is 'umbrella'" in said


def test_the_file_that_init_writes_is_shared_as_it_is() -> None:
    write("config/config.yaml", template())
    assert [settings(key).organisation.key for key in ("acme", "globex")] == ["acme", "globex"]


def test_a_mistake_is_told_with_the_file_that_makes_it() -> None:
    write("config/organisations/acme.yaml", "history: {keep_days: 0}")
    assert complaint().startswith("config/organisations/acme.yaml: history.keep_days")
    write("config/config.yaml", "history: {keep_runs_days: 1}")
    assert complaint("globex").startswith("config/config.yaml: history.keep_runs_days")


def test_another_file_stands_in_place_of_that_of_the_organisation(tmp_path: Path) -> None:
    other = tmp_path / "stricter.yaml"
    other.write_text("mist: {detail: triage}", encoding="utf-8")
    acme = load_settings(other, {"MIST_PIPELINE_ORG": "acme"})
    assert (acme.mist.detail, acme.mist.cloud, acme.data) == ("triage", "emea-01", Path("data/acme"))


def test_a_file_that_is_named_is_enough_where_no_organisation_is(tmp_path: Path) -> None:
    alone = load_settings(tmp_path / "config/config.yaml", {})
    assert (alone.organisation.key, alone.data, alone.is_one_of_several) == ("", Path("data"), False)


@pytest.mark.parametrize("given", ["https://mist.example.com/", "https://mist.example.com/acme"])
def test_links_lead_to_the_part_of_the_organisation_in_the_console_of_all(given: str) -> None:
    write("config/config.yaml", f"web: {{console_url: '{given}'}}")
    assert settings().web.console_url == "https://mist.example.com/acme"
    own = settings(MIST_PIPELINE_ACME__WEB__CONSOLE_URL="https://acme.example.com").web.console_url
    assert own == "https://acme.example.com/acme"


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        ("web: {access: token}", {}, "acme.yaml: web.access is one for all"),
        ("compute: {max_runs: 20}", {}, "acme.yaml: compute.max_runs is one for all"),
        ("monitoring: {machines: 2}", {}, "acme.yaml: monitoring.machines is one for all"),
        (
            "",
            {"MIST_PIPELINE_ACME__WEB__USER_HEADER": "X-Me"},
            "MIST_PIPELINE_ACME__WEB__USER_HEADER: web.user_header",
        ),
    ],
)
def test_no_organisation_has_another_way_into_the_console_of_all(
    text: str, variables: dict[str, str], said: str
) -> None:
    write("config/organisations/acme.yaml", text)
    assert said in complaint(**variables)


def test_an_organisation_says_whom_the_common_door_lets_in() -> None:
    write("config/config.yaml", "web: {access: proxy, proxies: [10.0.0.5]}")
    write("config/organisations/acme.yaml", "web: {users: [anna@msp.example]}")
    assert settings().web.users == ("anna@msp.example",)
    assert settings("globex").web.users == ()
    write("config/config.yaml", "web: {access: token}")
    assert "users are named by a proxy" in complaint()


def test_organisations_share_the_budget_of_calls_since_they_may_share_a_token() -> None:
    acme, globex = settings(), settings("globex")
    assert acme.budget_path == globex.budget_path == Path("data/call_budget.db")
    budgets = [
        CallBudget(one.budget_path, ["the token of an msp"], limit_override=10) for one in (acme, globex)
    ]
    for budget in budgets:
        budget.acquire("live")
        budget.give_back()
    assert [budget.remaining("live") for budget in budgets] == [8, 8]
    for budget in budgets:
        budget.close()
