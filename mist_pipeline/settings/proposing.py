r"""A file for each organisation of a list: its key from its name, and what stands in it. Pure; nothing is written.

>>> [key_of(name, {"acme"}) for name in ("Acme", "Müller & Söhne GmbH", "2 Fast", "מרכז", "dagster", "a" * 30)]
['acme_2', 'muller_sohne_gmbh', 'org_2_fast', 'org', 'dagster_2', 'aaaaaaaaaaaaaaaaaaaa']
"""

import json
import re
import unicodedata
from collections.abc import Collection
from itertools import count

from mist_pipeline.domain.text import clean
from mist_pipeline.settings.model import LONGEST_KEY
from mist_pipeline.settings.organisations import RESERVED

_NAME_LENGTH = 80


def key_of(name: str, taken: Collection[str]) -> str:
    """A key for an organisation of this name: its letters without accents and its digits, cut, with a number where another one has it.

    Args:
        name: As the cloud has it; hostile input.
        taken: Keys that others have.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    base = words if words[:1].isalpha() else f"org_{words}".rstrip("_")
    for number in count(1):
        ending = "" if number == 1 else f"_{number}"
        key = base[: LONGEST_KEY - len(ending)].rstrip("_") + ending
        if key not in taken and key not in RESERVED:
            return key
    raise AssertionError("numbers do not end")


def file_text(name: str, org_id: str, timezone: str) -> str:
    """The file of an organisation.

    Args:
        name: As the cloud has it; hostile input.
        org_id: Its id, plain.
        timezone: Most of its sites'; '' where that is not known: then the shared file says.
    """
    # Text of JSON is text of YAML, whatever is in it.
    lines = [f"  name: {json.dumps(clean(name, _NAME_LENGTH), ensure_ascii=False)}"]
    lines += [f"  timezone: {json.dumps(timezone)}"] if timezone else []
    return "\n".join(["organisation:", *lines, "mist:", f"  org_id: {json.dumps(org_id)}", ""])
