"""Kinds of sinks are found by their folders, and each of them explains itself."""

import importlib
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from mist_pipeline.delivery.config import SinkConfig
from mist_pipeline.delivery.discovery import NoSinkConfigError, sink_configs

FAX = '''
from typing import Literal
from mist_pipeline.delivery.config import SinkConfig

class FaxConfig(SinkConfig):
    """Fax, for those who never left it."""

    type: Literal["fax"]
    number: str

    def build(self, name, secrets, data):
        raise NotImplementedError
'''

NAMES = (f"sinks_for_a_test_{number}" for number in count())
CONFIGS = {config.type_name(): config for config in sink_configs()}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package that can be imported; its name is that of its folder."""
    folder = tmp_path / next(NAMES)
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[name]


def add(package: Path, name: str, config: str | None) -> None:
    """A folder for a sink, with or without a ``config.py``."""
    (package / name).mkdir()
    (package / name / "__init__.py").touch()
    if config is not None:
        (package / name / "config.py").write_text(config, encoding="utf-8")


def test_a_folder_that_is_added_is_a_kind_of_sink(package: Path) -> None:
    (package / "helper.py").touch()
    add(package, "fax", FAX)
    (fax,) = sink_configs([package.name])
    assert (fax.__name__, fax.type_name()) == ("FaxConfig", "fax")
    assert fax.model_validate({"type": "fax", "number": "0221 1"}).type_name() == "fax"


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (None, r"\.fax has no config\.py; a sink needs its section there"),
        ("", r"\.fax\.config defines no sub-class of SinkConfig with a `type`"),
        (
            "from mist_pipeline.delivery.sinks.mail.config import MailConfig",
            "defines no sub-class of SinkConfig",
        ),
        (FAX.replace('Literal["fax"]', "str"), "a `type`, a Literal of one text"),
        (
            FAX.replace("    number: str", "    number: = 's3cret'"),
            r"folder of the sink \w+\.fax: \S+/fax/config\.py, line 9: invalid syntax; correct that line, or remove the folder$",
        ),
        (
            FAX.partition("    def build")[0],
            r"\.fax\.config: FaxConfig lacks build; define it as SinkConfig in",
        ),
    ],
)
def test_a_folder_without_a_configuration_is_an_error_that_says_so(
    package: Path, config: str | None, complaint: str
) -> None:
    add(package, "fax", config)
    with pytest.raises(NoSinkConfigError, match=complaint):
        sink_configs([package.name])


def test_what_a_configuration_itself_fails_to_import_is_not_hidden(package: Path) -> None:
    add(package, "fax", "import no_such_library_anywhere")
    with pytest.raises(ModuleNotFoundError, match="no_such_library_anywhere"):
        sink_configs([package.name])


def test_two_folders_of_one_type_are_an_error(package: Path) -> None:
    add(package, "fax", FAX)
    add(package, "telefax", FAX)
    with pytest.raises(NoSinkConfigError, match="both define a sink of type 'fax'"):
        sink_configs([package.name])


def test_the_documentation_has_its_order() -> None:
    assert list(CONFIGS) == [
        "mail", "slack", "slack_webhook", "pagerduty", "webhook", "file", "jira", "servicenow", "apprise",
    ]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_every_kind_explains_itself_and_its_keys(config: type[SinkConfig]) -> None:
    folder = importlib.import_module(config.__module__.rpartition(".")[0])
    about = folder.__doc__ or ""
    assert "?" in about.partition("\n")[0], f"{folder.__name__}: begins with the question that it answers"
    assert "\nHere: " in about
    assert "Not here: " in about
    assert (config.__doc__ or "").partition("\n")[0].endswith(".")
    undescribed = [
        key for key, field in config.model_fields.items() if key != "type" and not field.description
    ]
    assert undescribed == []
