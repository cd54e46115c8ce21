"""What was pushed of the audit log: changes that the next poll knows within seconds, also where it may not read the log itself.

Not here: what an entry means (``mist.parsers``), and the rows made of it (``collect.history.changes``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mist_pipeline.alerts.pushed.store import audit_entries
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger


def pushed_changes(settings: Settings, since: datetime) -> Sequence[Mapping[str, Any]]:
    """Entries of the audit log that webhooks told from an instant on, as they were kept; none without a ledger.

    Raises:
        LedgerUnavailableError: The ledger cannot be opened.
        sqlalchemy.exc.DatabaseError: It does not answer.
    """
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return []
    with open_ledger(settings) as ledger:
        return audit_entries(ledger.engine, since)
