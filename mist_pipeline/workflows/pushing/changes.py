"""What was pushed of the audit log: changes that the next poll knows within seconds, also where it may not read the log itself.

Not here: what an entry means (``mist.parsers``), and the rows made of it (``collect.history.changes``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import has_pushes, open_pushes


def pushed_changes(settings: Settings, since: datetime) -> Sequence[Mapping[str, Any]]:
    """Entries of the audit log that webhooks told from an instant on, as they were kept; none where nothing was ever pushed.

    Raises:
        LedgerUnavailableError: The ledger cannot be opened.
        sqlalchemy.exc.DatabaseError: It does not answer.
    """
    if not has_pushes(settings):
        return []
    with open_pushes(settings) as pushes:
        return pushes.audit_entries(since)
