"""What ``a``, ``c``, ``R``, ``z`` and ``o`` do on any screen: with the incident, and about the sites, under the cursor."""

from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType

from mist_pipeline.watch.app import WatchApp, WatchScreen


class Acting(Protocol):
    """A screen from which people decide: it says about what."""

    @property
    def watcher(self) -> WatchApp:
        """The application."""

    def chosen_incident(self) -> str | None:
        """The id of the incident that is meant; None if there is none."""

    def chosen_matchers(self) -> str | None:
        """Matchers of a silence of what is meant; None if there is nothing to silence."""

    def chosen_page(self) -> str | None:
        """Address of the page in the console of what is meant; None if there is none."""


class ActingScreen(WatchScreen):
    """The keys of a screen that is `Acting`, which every screen of this kind has to be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", show=False),
        Binding("c", "comment", show=False),
        Binding("R", "resolve", show=False),
        Binding("o", "open_page", show=False),
        Binding("z", "silence", show=False),
    ]

    def action_acknowledge(self: Acting) -> None:
        """Take the incident."""
        if (name := self.chosen_incident()) is not None:
            self.watcher.acknowledge(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_comment(self: Acting) -> None:
        """Say what one thinks of the incident."""
        if (name := self.chosen_incident()) is not None:
            self.watcher.comment(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_open_page(self: Acting) -> None:
        """Open its page in a browser."""
        if (address := self.chosen_page()) is not None:
            self.watcher.open_page(address)
        elif self.watcher.pages.console_url is None:
            self.watcher.say("No console is known: web.console_url says where it is.")
        else:
            self.watcher.say("It has no page of its own.")

    def action_resolve(self: Acting) -> None:
        """Say that the incident is over."""
        if (name := self.chosen_incident()) is not None:
            self.watcher.resolve(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_silence(self: Acting) -> None:
        """Silence it for a while."""
        if (matchers := self.chosen_matchers()) is not None:
            self.watcher.silence(matchers)
        else:
            self.watcher.say("It does not go on: there is nothing to silence.")
