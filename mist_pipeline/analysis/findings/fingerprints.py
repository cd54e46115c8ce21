"""What a finding is called: alone, since whoever notes trouble of the pipeline itself needs none of the rules.

>>> fingerprint("site_down", "s1", "") == fingerprint("site_down", "s1", "")
True
"""

import hashlib


def fingerprint(kind: str, site_id: str, metric: str, subject: str = "") -> str:
    """Stable name of a finding: the same on every day it lasts, from a backfill, a replay and a live evaluation."""
    return hashlib.sha256("\x1f".join((kind, site_id, metric, subject)).encode()).hexdigest()[:16]
