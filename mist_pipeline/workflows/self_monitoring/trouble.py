"""One trouble of the pipeline as a row of findings, and texts of others that may stand in it.

>>> from datetime import UTC
>>> one = Trouble("disk", "major", "The disk is nearly full.", {"free_bytes": 1024})
>>> findings([one], datetime(2026, 3, 1, 4, tzinfo=UTC)).select("family", "severity", "summary").row(0)
('pipeline:disk', 'major', 'The disk is nearly full.')
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import PIPELINE
from mist_pipeline.analysis.findings.fingerprints import fingerprint
from mist_pipeline.domain.severity import Severity
from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets
from mist_pipeline.tables import live

LONGEST_REASON = 300

_SECRETS = (
    # Everything behind the header's name, since schemes are many: a line, a dictionary, pairs of bytes.
    re.compile(r"""(?i)(authorization["']?\s*(?:[:=]|,(?=\s*b?["']))\s*(?:b?["'])?)[^"'\r\n]*"""),
    re.compile(r"(?i)(\b(?:bearer|token|basic)\s+)(?=\S*\d)[\w.~+/=-]{16,}"),
    re.compile(r"(://)[^\s/]+(?=@)"),
)
"""What looks like a secret. Our own messages never hold one; those of libraries may."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        subject: What; the same as long as it lasts. The days it is about stand behind an ``@``.
        severity: How bad it is.
        summary: One sentence.
        evidence: More, as JSON.
    """

    subject: str
    severity: Severity
    summary: str
    evidence: Mapping[str, object]

    def row(self, now: datetime) -> dict[str, object]:
        """As a row of ``live.findings``."""
        return {
            "as_of": now,
            "site_id": "",
            "metric": "",
            "kind": PIPELINE,
            "severity": self.severity,
            "summary": self.summary,
            "evidence": json.dumps(self.evidence, ensure_ascii=False),
            "fingerprint": fingerprint(PIPELINE, "", "", self.subject),
            "family": f"{PIPELINE}:{self.subject}",
        }


def findings(found: Sequence[Trouble], now: datetime) -> pl.DataFrame:
    """Troubles as rows of ``live.findings``, sorted by fingerprint."""
    rows = [trouble.row(now) for trouble in found]
    return pl.DataFrame(rows, schema=live.FINDINGS.polars_schema(), orient="row").sort("fingerprint")


def one_line(text: str, known: Secrets = NONE_KNOWN) -> str:
    """A text of somebody else as one line of at most `LONGEST_REASON` characters, without secrets and what looks like one."""
    text = known.hide(text)
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def roughly(span: timedelta) -> str:
    """A duration as people say it: ``50 minutes``, ``3 hours``, ``3 days``."""
    minutes = int(span / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def size(num_bytes: int) -> str:
    """Free space as people say it: ``9 GiB``, ``1.4 GiB``, ``90 MiB``."""
    gib = num_bytes / 1024**3
    if gib < 1:
        return f"{num_bytes / 1024**2:.0f} MiB"
    return f"{gib:.1f} GiB" if gib < 5 else f"{gib:.0f} GiB"


def iso(instant: datetime | None) -> str | None:
    """An instant as evidence has it."""
    return None if instant is None else instant.isoformat()
