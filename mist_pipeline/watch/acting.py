"""What ``a``, ``R`` and ``z`` do on any screen: with the incident, and about the sites, under the cursor."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from mist_pipeline.watch.app import WatchScreen


class ActingScreen(WatchScreen):
    """A screen from which people decide; a subclass says about what."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", show=False),
        Binding("R", "resolve", show=False),
        Binding("z", "silence", show=False),
    ]

    def chosen_incident(self) -> str | None:
        """The id of the incident that is meant; None if there is none."""
        raise NotImplementedError

    def chosen_matchers(self) -> str | None:
        """Matchers of a silence of what is meant; None if there is nothing to silence."""
        raise NotImplementedError

    def action_acknowledge(self) -> None:
        """Take the incident."""
        if (name := self.chosen_incident()) is not None:
            self.watcher.acknowledge(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_resolve(self) -> None:
        """Say that the incident is over."""
        if (name := self.chosen_incident()) is not None:
            self.watcher.resolve(name)
        else:
            self.watcher.say("No incident goes on here.")

    def action_silence(self) -> None:
        """Silence it for a while."""
        if (matchers := self.chosen_matchers()) is not None:
            self.watcher.silence(matchers)
        else:
            self.watcher.say("It does not go on: there is nothing to silence.")
