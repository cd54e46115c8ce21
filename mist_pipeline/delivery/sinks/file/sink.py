"""A sink that writes messages as files, to try out routes and to see what would be sent.

For every message one folder entry in three forms: ``.txt`` as in a mail, ``.html`` (a mail's page with its pictures
inside) and ``.json`` (the webhook's document).
"""

import base64
import json
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import picture_title, render_page
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry
from mist_pipeline.delivery.sinks.webhook.document import document_of


class FileSink:
    """Writes ``<folder>/<incident>/<sequence>-<reason>-<delivery>.txt|html|json``; writing again replaces the same files.

    Args:
        name: Its name in the configuration.
        folder: Made when it is needed.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return "a file sink writes to its own folder only" if recipient else None

    def send(self, message: Message) -> Outcome:
        """Write it, each file whole or not at all."""
        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        pictures = {
            picture_title(name): f"data:image/png;base64,{base64.b64encode(picture).decode()}"
            for name, picture in message.incident.charts.items()
        }
        stem = f"{message.sequence:03d}-{message.reason}-{_file_name(message.delivery_id)}"
        place = self._folder / _file_name(message.incident.incident_id)
        try:
            place.mkdir(parents=True, exist_ok=True)
            _write(place / f"{stem}.txt", wording.plain_text(message))
            _write(place / f"{stem}.html", render_page(message, pictures))
            _write(place / f"{stem}.json", json.dumps(document_of(message), indent=1, allow_nan=False) + "\n")
        except OSError as error:
            return Retry(f"cannot write to {place}: {error.strerror or type(error).__name__}")
        return Accepted({"folder": str(place)})

    def recover(self, message: Message) -> Outcome:
        """Write it again: the names are the same."""
        return self.send(message)


def _file_name(text: str) -> str:
    """An id as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:80] or "_"


def _write(path: Path, text: str) -> None:
    # A name of its own: two senders may write one message, since it is sent again after a lease that ran out.
    with NamedTemporaryFile(
        "w", encoding="utf-8", errors="replace", dir=path.parent, prefix=".", suffix=".tmp", delete=False
    ) as fresh:
        unfinished = Path(fresh.name)
        try:
            fresh.write(text)
            fresh.close()
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
