"""Pages of the audit log as they are written down: raw files stay for years, and people and passphrases do not belong there. Pure."""

import json
from dataclasses import replace

from mist_pipeline.mist.page import Page
from mist_pipeline.mist.parsers import kept_entry


def without_people(page: Page, *, with_admins: bool) -> Page:
    """A page without addresses, browsers and values before and after, and without names of people unless they are wanted.

    Args:
        page: As received, of a document that `mist.parsers.parse_audit_logs` has read.
        with_admins: Names of people are wanted.
    """
    rows = page.document["results"]
    kept = [kept_entry(row, with_admin=with_admins) for row in rows if isinstance(row, dict)]
    return replace(page, body=json.dumps({**page.document, "results": kept}).encode())
