"""The configuration: defaults, precedence, and errors that say what, where and how to fix it."""

import subprocess
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.settings.template import configuration_page, template

ONLY_FOR_SENDING = ("apprise", "jinja2", "polars", "requests", "slack_sdk", "smtplib", "sqlalchemy")


def read(text: str, folder: Path, **environment: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def complaint(text: str, folder: Path, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(text, folder, **environment)
    return str(caught.value)


def test_without_file_and_environment_the_roadmaps_defaults_hold() -> None:
    settings = load_settings(environment={})
    assert settings.monitoring.interval_minutes == 15
    assert settings.thresholds.pre_warning_capacity == 85
    assert settings.thresholds.pre_warning_roaming == 95
    assert settings.thresholds.trend_degradation_percent == 5
    assert (
        settings.history.keep_days,
        settings.history.auto_archive,
        settings.history.archive_after_days,
    ) == (7, True, 30)
    assert settings.tokens == ()


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    text = "history: {start: 2026-02-02, keep_days: 9}"
    settings = read(text, tmp_path, MIST_PIPELINE__HISTORY__START="2026-03-03")
    assert settings.history.start == date(2026, 3, 3)
    assert settings.history.keep_days == 9
    assert settings.history.archive_after_days == 30


def test_a_bare_off_is_the_word_and_no_boolean(tmp_path: Path) -> None:
    assert read("mist: {detail: off}", tmp_path).mist.detail == "off"
    assert load_settings(environment={"MIST_PIPELINE__MIST__DETAIL": "off"}).mist.detail == "off"


def test_the_clouds_variables_win_over_their_keys(tmp_path: Path) -> None:
    settings = read(
        "mist: {base_url: https://api.eu.mist.com, org_id: a}",
        tmp_path,
        MIST_BASE_URL="http://127.0.0.1:8900",
        MIST_ORG_ID="b",
        MIST_PIPELINE_DATA="elsewhere",
    )
    assert (settings.mist.base_url, settings.mist.org_id) == ("http://127.0.0.1:8900", "b")
    assert settings.warehouse_path == Path("elsewhere/warehouse.duckdb")


def test_several_tokens_are_read_and_none_is_ever_shown(tmp_path: Path) -> None:
    settings = read("", tmp_path, MIST_API_TOKEN="first-s3cr3t, second-s3cr3t")
    assert [token.get_secret_value() for token in settings.tokens] == ["first-s3cr3t", "second-s3cr3t"]
    assert "s3cr3t" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("histroy: {start: 2026-01-01}", "there is no setting 'histroy'; did you mean 'history'?"),
        (
            "history: {strat: 2026-01-01}",
            "there is no setting 'history.strat'; did you mean 'history.start'?",
        ),
        ("thresholds: {pre_warning_capcity: 3}", "did you mean 'thresholds.pre_warning_capacity'?"),
        ("organisation: {timezone: Europe/Berln}", "did you mean 'Europe/Berlin'?"),
        ("sle_thresholds: {capactiy: {critical: 1}}", "did you mean 'capacity'?"),
        ("sle_thresholds: {capacity: {critical: 95}}", "critical < major < warning"),
        ("monitoring: {interval_minutes: 7}", "7 does not divide an hour"),
        ("history: {start: soon}", "history.start"),
        ("history: {start: 2026-02-30}", "history.start: Input should be a valid date"),
        (
            "history: {start: 0201-01-01}",
            "history.start: Input should be greater than or equal to 2014-01-01",
        ),
        (r'organisation: {name: "K\udcf6ln"}', "line 1, column 22: an escape stands for half a character"),
        (
            "organisation: {key: Acme EU}",
            "organisation.key: 'Acme EU' is no key; use at most 20 lower-case letters",
        ),
        ("organisation: {key: acme__eu}", "'acme__eu' is no key"),
        ("organisation: {key: _acme}", "'_acme' is no key"),
        ("organisation: {key: 4th}", "'4th' is no key"),
        ("organisation: {key: abcdefghijklmnopqrstu}", "'abcdefghijklmnopqrstu' is no key"),
        ("organisation: {key: 'acme\n'}", "is no key"),
        ("organisation: {holidays: [2026-13-01]}", "organisation.holidays[0]: Input should be a valid date"),
        ("organisation: {timezone: localtime}", "'localtime' is no IANA time zone"),
        ("sle_thresholds: {ap-health: {critical: 1}, ap_health: {critical: 2}}", "in another spelling"),
        ("history: {start: !!timestamp 2026-02-30}", "line 1, column 18: a tag stands there"),
        ("history: {keep_days: !!int 010}", "a tag stands there"),
        ("history: {? [a] : b}", "a list or mapping cannot be a key"),
        ("history: &a {start: *a}", "an alias stands inside of what it repeats"),
        (
            "a: &a [b, b, b]\n"
            + "".join(f"{y}: &{y} [{f'*{x}, ' * 9}]\n" for x, y in pairwise("acdefghijk")),
            "aliases",
        ),
        ("a: " + "[" * 5_000, "nested too deeply"),
        ("web: {access: proxy, proxies: [0.0.0.0/0]}", "'0.0.0.0/0' is everybody"),
        ("tokens: [a]", "MIST_API_TOKEN"),
        ("[]", "expected sections"),
        ("a: [", "no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_what_was_meant(
    text: str, expected: str, tmp_path: Path
) -> None:
    told = complaint(text, tmp_path)
    assert expected in told
    assert "config.yaml" in told


def test_a_wrong_environment_variable_is_named_not_the_file(tmp_path: Path) -> None:
    told = complaint("history: {keep_days: 3}", tmp_path, MIST_PIPELINE__HISTORY__STRAT="2026-01-01")
    assert told.startswith("MIST_PIPELINE__HISTORY__STRAT: ")
    assert "config.yaml" not in told


def test_a_variable_that_is_no_utf_8_is_named_before_every_report_fails_over_it(tmp_path: Path) -> None:
    told = complaint("", tmp_path, MIST_PIPELINE__ORGANISATION__NAME="K\udcf6ln")
    assert told == "MIST_PIPELINE__ORGANISATION__NAME: is no text in UTF-8"


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="mist-pipeline init"):
        load_settings(tmp_path / "absent.yaml", {})
    with pytest.raises(SettingsError, match="absent"):
        load_settings(environment={"MIST_PIPELINE_CONFIG": str(tmp_path / "absent.yaml")})


def test_a_metrics_own_bands_inherit_what_they_leave_out(tmp_path: Path) -> None:
    settings = read("sle_thresholds: {default: {critical: 60}, time_to_connect: {warning: 95}}", tmp_path)
    own, other = settings.bands_of("time-to-connect"), settings.bands_of("capacity")
    assert (own.critical, own.major, own.warning) == (60, 80, 95)
    assert (other.critical, other.major, other.warning) == (60, 80, 90)


@pytest.mark.parametrize("written", ["time-to-connect", "time_to_connect", "Time-To-Connect"])
def test_one_band_of_the_environment_leaves_the_others_of_the_file(written: str, tmp_path: Path) -> None:
    text = f"sle_thresholds: {{{written}: {{critical: 50, major: 61, warning: 72}}}}"
    own = read(text, tmp_path, MIST_PIPELINE__SLE_THRESHOLDS__TIME_TO_CONNECT__CRITICAL="45").bands_of(
        "time-to-connect"
    )
    assert (own.critical, own.major, own.warning) == (45, 61, 72)


def test_a_variable_finds_the_sink_that_the_file_spells_in_its_own_way(tmp_path: Path) -> None:
    text = "notifications: {sinks: {Ops-Files: {type: file, folder: a}}}"
    settings = read(text, tmp_path, MIST_PIPELINE__NOTIFICATIONS__SINKS__OPS_FILES__FOLDER="b #1")
    sinks = settings.notifications.sinks
    assert {name: sink.model_dump()["folder"] for name, sink in sinks.items()} == {"Ops-Files": Path("b #1")}


def test_what_an_alias_repeats_is_changed_alone(tmp_path: Path) -> None:
    text = "sle_thresholds: {capacity: &same {critical: 40}, coverage: *same}"
    settings = read(text, tmp_path, MIST_PIPELINE__SLE_THRESHOLDS__CAPACITY__CRITICAL="45")
    assert [settings.bands_of(name).critical for name in ("capacity", "coverage")] == [45, 40]


@pytest.mark.parametrize("name", ["Shop #12", "Shop: north", "0123", "no", "- a", "# all"])
def test_a_text_of_the_environment_is_taken_as_it_is(name: str) -> None:
    assert load_settings(environment={"MIST_PIPELINE__ORGANISATION__NAME": name}).organisation.name == name


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("0123", "0123"),
        ("007", "007"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("1.10", "1.10"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("2026-02-30", "2026-02-30"),
        ("2026-02-03 04:05:06", "2026-02-03 04:05:06"),
        ("5", 5),
        ("-5", -5),
        ("2.5", 2.5),
        ("true", True),
        ("null", None),
        ("{value: NO}", {"value": "NO"}),
        ("[0123, 7]", ["0123", 7]),
    ],
)
def test_further_fields_of_a_ticket_are_sent_as_written(written: str, sent: object, tmp_path: Path) -> None:
    text = (
        "notifications: {sinks: {desk: {type: jira, base_url: https://a.example.com, project: NET, user: a, "
        f"token_from: TOKEN, fields: {{f: {written}}}}}}}}}"
    )
    [desk] = read(text, tmp_path, TOKEN="long-enough-token").notifications.sinks.values()
    assert desk.model_dump()["fields"] == {"f": sent}


@pytest.mark.parametrize("written", ["yes", "on", "true", "True"])
def test_a_switch_may_be_said_in_every_way_of_yaml(written: str, tmp_path: Path) -> None:
    assert read(f"monitoring: {{enable_wan: {written}}}", tmp_path).monitoring.enable_wan is True


@pytest.mark.parametrize(
    ("switches", "expected"),
    [({}, {"wifi"}), ({"WIRED": "true"}, {"wifi", "wired"}), ({"WIFI": "false", "WAN": "yes"}, {"wan"})],
)
def test_switched_off_groups_have_no_metrics(switches: dict[str, str], expected: set[str]) -> None:
    environment = {f"MIST_PIPELINE__MONITORING__ENABLE_{group}": value for group, value in switches.items()}
    assert {metric.group for metric in load_settings(environment=environment).metrics} == expected


def test_the_written_template_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(template(), encoding="utf-8")
    written, default = load_settings(path, {}), load_settings(environment={})
    assert written.model_dump(exclude={"source"}) == default.model_dump(exclude={"source"})
    assert set(yaml.safe_load(template())) == {
        name for name, field in Settings.model_fields.items() if not field.exclude
    }


def test_every_key_is_documented() -> None:
    page = configuration_page()
    for section in yaml.safe_load(template()).values():
        for key in section:
            assert f"`{key}`" in page or f"`{key}." in page


def test_every_key_is_read_somewhere() -> None:
    package = Path(__file__).parents[2] / "mist_pipeline"
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in package.rglob("*.py")
        if "settings" not in path.parts or path.name in {"model.py", "notifications.py"}
    )
    unread = [
        f"{section}.{key}"
        for section, keys in yaml.safe_load(template()).items()
        if section != "sle_thresholds"
        for key in keys
        if code.count(f".{key}") == 0
    ]
    assert unread == []


def test_settings_without_a_sink_load_no_library_that_only_sending_needs() -> None:
    code = (
        "import sys; from mist_pipeline.settings import load_settings; load_settings(environment={})\n"
        f"print([name for name in {ONLY_FOR_SENDING!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
