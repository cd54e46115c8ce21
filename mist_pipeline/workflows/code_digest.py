"""A digest of the code of rooms, so that nobody has to remember to raise a version: what was made by other code is known by it.

Not here: which rooms make what (whoever keeps something), versions of stored data (migrations).
"""

from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path


@cache
def code_digest(*rooms: str) -> str:
    """The digest of the source of some rooms; a wheel has the same as its checkout.

    Args:
        rooms: Folders of the package, like ``analysis/anomalies``.

    >>> code_digest("analysis/anomalies") == code_digest("analysis/stats")
    False
    """
    package = Path(str(files("mist_pipeline")))
    summary = blake2b(digest_size=5)
    for room in rooms:
        for path in sorted((package / room).rglob("*.py")):
            summary.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return summary.hexdigest()
