"""The pipeline's own findings: refused messages and damaged evaluations."""

import json

from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.self_monitoring import refused_messages
from mist_pipeline_tests.support.alerts.histories import HOUR, START


def test_refused_messages_of_several_sinks_are_one_finding_with_every_error() -> None:
    assert refused_messages([], START).is_empty()
    found = refused_messages([("chat", "a", START), ("mail", "b", START - HOUR)], START + HOUR)
    assert live_tables.FINDINGS.conform(found).equals(found)
    (row_,) = found.rows(named=True)
    assert row_["summary"] == "Messages do not arrive by chat, mail: a"
    assert json.loads(row_["evidence"]) == {
        "sinks": {"chat": "a", "mail": "b"},
        "since": (START - HOUR).isoformat(),
    }
    assert row_["fingerprint"] == refused_messages([("mail", "c", START)], START)["fingerprint"].item()
