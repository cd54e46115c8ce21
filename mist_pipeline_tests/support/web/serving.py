"""The console of a data folder behind its guard, at a port, with real decisions."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pydantic import SecretStr
from starlette.types import ASGIApp

from mist_pipeline.cli.serving.consoles import console_app
from mist_pipeline.cli.serving.door import door
from mist_pipeline.cli.serving.web import ending_with
from mist_pipeline.guard.connections import ConnectionLimits, bounded_config
from mist_pipeline.settings import Settings
from mist_pipeline.settings.web import Web
from mist_pipeline.web.app import Application
from mist_pipeline_tests.support.overview.organisations import AT, Organisation


@contextmanager
def served(organisation: Organisation, at: datetime = AT, link_key: str = "") -> Iterator[str]:
    """Where the console of an organisation is, which anna runs; with a key it follows the links of messages."""
    assert at.tzinfo is UTC
    settings = Settings(data=organisation.folder)
    if link_key:
        web = Web(console_url="http://127.0.0.1", link_key_from="KEY")
        settings = Settings(data=organisation.folder, web=web, secrets={"KEY": SecretStr(link_key)})
    way = door(settings, "127.0.0.1", [], "anna", {}, has_webhooks=False)
    assert way.access is not None
    pages = console_app(settings, way.access, lambda: at, stands=True)
    app = way.access.guarded(pages, way.rules)
    pages.warm()
    with serving(app, pages) as address:
        yield address


@contextmanager
def serving(app: ASGIApp, pages: Application | None = None) -> Iterator[str]:
    """Where an application is, as `mist-pipeline web` serves it; with the console that is in it, if one is."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        config = bounded_config(app, limits=ConnectionLimits(connections=128))
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server = ending_with(config, pages)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
