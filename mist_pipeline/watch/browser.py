"""The pages of the console, and a browser that has a window of its own: one in the terminal would draw over the live screen."""

import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

_IN_TERMINAL = frozenset({"www-browser", "links", "links2", "elinks", "lynx", "w3m", "browsh", "carbonyl"})


def open_in_browser(address: str) -> bool:
    """Open an address; whether there is a browser that could."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    name = getattr(found, "basename", getattr(found, "name", ""))
    return name not in _IN_TERMINAL and found.open(address)


@dataclass(frozen=True)
class Pages:
    """Where what the live screen shows is seen in a browser.

    Attributes:
        console_url: Address of the console; None where that is not known.
        show: Opens an address in a browser; whether it could.
    """

    console_url: str | None = None
    show: Callable[[str], bool] = open_in_browser


NO_PAGES = Pages()
