"""live.*: today as of the last live evaluation; replaced by the daily partition of the day."""

from dataclasses import replace

from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.common import AS_OF, METRIC, SCORE, SEVERITY, SITE_ID, STATE
from mist_pipeline.tables.schema import Column, Table

SLE_HOURLY = replace(
    history.SLE_HOURLY,
    schema="live",
    comment="Today's hours so far, the running one included.",
    partition=None,
)
CLASSIFIERS_HOURLY = replace(
    history.CLASSIFIERS_HOURLY,
    schema="live",
    comment="What the cloud blames in today's hours so far, the running one included; of the sites whose detail was asked.",
    partition=None,
)
SITE_HOURLY = replace(
    history.SITE_HOURLY,
    schema="live",
    comment="Load and life of the sites in today's hours so far.",
    partition=None,
)
ALARMS = replace(history.ALARMS, schema="live", comment="Alarms raised today so far.", partition=None)
CHANGES = replace(
    history.CHANGES,
    schema="live",
    comment="Entries of the audit log of today so far, those that webhooks told included.",
    partition=None,
)
STATUS = Table(
    "live",
    "status",
    "The newest reading of every service level at every site.",
    (
        SITE_ID,
        METRIC,
        AS_OF,
        SCORE,
        Column("num_clients", "BIGINT", "Clients in the hour of the reading"),
        SEVERITY,
        STATE,
        Column("changed_since", "TIMESTAMPTZ", "Since when severity and state are what they are"),
    ),
    ("site_id", "metric"),
    partition=None,
)

FINDINGS = Table(
    "live",
    "findings",
    "What one rule found in one live evaluation; rows are added, never changed.",
    (AS_OF, *(column for column in analysis.FINDINGS.columns if column.name != "day")),
    ("as_of", "fingerprint"),
    partition=None,
)

TABLES = (SLE_HOURLY, CLASSIFIERS_HOURLY, SITE_HOURLY, ALARMS, CHANGES, STATUS, FINDINGS)
