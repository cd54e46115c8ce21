"""``alerts test-route``: who would be told, why, and whether messages arrive there.

Here: the command. Choosing routes is that of the real thing (``alerts.routes.explain_route``), and so is sending
(``defs.sending``).
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mist_pipeline.cli.alert_arguments import (
    Json,
    SeverityName,
    Sites,
    instant,
    is_there,
    now_of,
    opened,
)
from mist_pipeline.cli.alert_tables import cell, print_json, say, table
from mist_pipeline.cli.console import console, next_commands
from mist_pipeline.delivery.wording import clean, duration
from mist_pipeline.delivery.wording import instant as in_words
from mist_pipeline.mist.metrics import CATALOGUE, canonical
from mist_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from mist_pipeline.alerts.escalation import Due, EscalationPolicy
    from mist_pipeline.alerts.ledger import Telling
    from mist_pipeline.alerts.matchers import Labels
    from mist_pipeline.alerts.routes import Explanation
    from mist_pipeline.alerts.silences import Silence
