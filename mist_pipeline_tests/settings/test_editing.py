"""Editing a configuration as people wrote it."""

from pathlib import Path

import pytest

from mist_pipeline.domain.plain_yaml import read_yaml
from mist_pipeline.settings.editing import UneditableError, with_values

TEMPLATE = Path(__file__).parents[2] / "config" / "config.yaml.template"


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("", "alerts:\n  sensitivity: low\n"),
        ("# nothing yet", "# nothing yet\nalerts:\n  sensitivity: low\n"),
        ("alerts:  # ours\n", "alerts: {sensitivity: low}  # ours\n"),
        ("alerts: null\n", "alerts: {sensitivity: low}\n"),
        ("alerts: {past: tell}  # all\n", "alerts: {past: tell, sensitivity: low}  # all\n"),
        ("{alerts: {}}", "{alerts: {sensitivity: low}}"),
        (
            "alerts:\n  sensitivity: 'high'  # loud\nweb: {}\n",
            "alerts:\n  sensitivity: low  # loud\nweb: {}\n",
        ),
        ("alerts:\r\n    past: tell\r\n", "alerts:\r\n    sensitivity: low\n    past: tell\r\n"),
        ("web: {}\n", "web: {}\nalerts:\n  sensitivity: low\n"),
        (
            "organisation:\n    names: {a: 'No', b: 007, c: 12:30}\n",
            None,
        ),
    ],
)
def test_only_the_key_is_different(text: str, edited: str | None) -> None:
    found = with_values(text, {"alerts.sensitivity": "low"})
    assert edited is None or found == edited
    expected = read_yaml(text) or {}
    expected["alerts"] = {**(expected.get("alerts") or {}), "sensitivity": "low"}
    assert read_yaml(found) == expected


def test_every_comment_of_the_template_stays() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    found = with_values(text, {"alerts.sensitivity": "low"})
    differing = [
        pair for pair in zip(text.splitlines(), found.splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert differing == [("  sensitivity: normal", "  sensitivity: low")]


@pytest.mark.parametrize(
    "text", ["alerts: often\n", "- a\n- b\n", "a: [\n", "alerts: &a {past: tell}\nother: *a\n"]
)
def test_what_cannot_be_edited_alone_is_refused(text: str) -> None:
    with pytest.raises(UneditableError):
        with_values(text, {"alerts.sensitivity": "low"})
