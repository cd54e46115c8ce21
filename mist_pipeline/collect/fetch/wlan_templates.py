"""Where WLAN templates apply, kept beside the audit log: it names the template that was changed, and no list of sites says who uses it.

Not here: which sites that are (``collect.history.changes``).
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mist_pipeline.collect.fetch.fetcher import Client, checked
from mist_pipeline.collect.fetch.records import Origin, record_of
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.errors import Forbidden, MistError, NotFound
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import Oddities, parse_wlan_templates
from mist_pipeline.mist.parsers.wlan_templates import KEPT

KIND = "wlan_templates"
"""Raw kind of the snapshots."""

ASKED_AFTER = timedelta(hours=20)
"""Once a day is enough: where a template applies seldom changes."""


def keep_wlan_templates(
    client: Client, store: RawStore, origin: Origin, instant: datetime
) -> MistError | None:
    """Ask where the WLAN templates apply, unless it was asked a short while ago; why there is no answer, or None.

    A token that may not read them, and a cloud without them, is no failure: changes of WLAN templates then have no sites.

    Args:
        client: Asks.
        store: Where the answer goes: what of it is read, nothing else.
        origin: Who asks.
        instant: As of when.

    Raises:
        Unauthorized: The token was refused.
    """
    known = store.snapshot_for(KIND, instant)
    if known is not None and not known.is_substituted and instant - known.as_of < ASKED_AFTER:
        return None
    [(_, result)] = client.fetch_many([endpoints.wlan_templates(origin.org_id)], lane=origin.lane)
    try:
        pages = checked(result)
        odd = Oddities(KIND)
        parse_wlan_templates(*(page.document for page in pages), odd=odd)
        odd.check()
    except (Forbidden, NotFound):
        return None
    except MistError as error:
        return error
    records = [record_of(_without_the_rest(page), KIND, {"purpose": KIND}, instant, origin) for page in pages]
    store.write_snapshot(KIND, records, instant)
    return None


def _without_the_rest(page: Page) -> Page:
    """A page with nothing but what is read: raw files stay for years, and nobody knows what else a template may hold."""
    rows: list[Any] = page.document
    kept = [{name: row[name] for name in KEPT if name in row} for row in rows if isinstance(row, dict)]
    return replace(page, body=json.dumps(kept).encode())
