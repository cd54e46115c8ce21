"""What Slack calls a channel or person of the configuration: the id, which messages are read and updated by.

A name (``#network``) is good for posting only. Here: asking Slack for the id, and why there is none. Not here: what is done
with it (`sink`).
"""

from mist_pipeline.delivery.sink import Refused
from mist_pipeline.delivery.sinks.slack.client import SlackClient, StoppedError

_PAGE = 999
"""The most that Slack gives at once."""
_MOST_PAGES = 60
_BOTH, _PUBLIC = "public_channel,private_channel", "public_channel"


class Channels:
    """Ids of channels by what the configuration calls them; each is asked for once.

    Args:
        client: Of the bot.
    """

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def id_of(self, target: str) -> str:
        """The id of a channel, or of the conversation with a person.

        Raises:
            StoppedError: There is none, it is archived, or the bot may not ask; says which, and what to do.
        """
        if target not in self._known:
            self._known[target] = self._asked(target)
        return self._known[target]

    def _asked(self, target: str) -> str:
        if target.startswith("#"):
            return self._by_name(target.removeprefix("#").casefold())
        if target.startswith("U"):
            opened = self._client.answer(lambda: self._client.conversations_open(users=target))
            return str(opened["channel"]["id"])
        return target

    def _by_name(self, name: str) -> str:
        """Of channels of this name there is one that is not archived; others are of use for what is said."""
        try:
            found, archived, renamed = self._search(name, _BOTH)
            hidden = ""
        except StoppedError as error:
            if error.code != "missing_scope":
                raise
            found, archived, renamed = self._search(name, _PUBLIC)
            hidden = " Private channels could not be searched: that needs the scope groups:read."
        if found:
            return found
        if archived:
            why = f"the channel #{name} is archived: unarchive it, or configure another one"
        elif renamed:
            why = f"the channel #{name} is now called #{renamed}: write that, or its id (C…)"
        else:
            why = f"the bot sees no channel #{name}: is it written right, and is the bot invited? Its id (C…) always fits"
        raise StoppedError(Refused(f"Slack: {why}.{hidden}"), "channel_not_found")

    def _search(self, name: str, types: str) -> tuple[str, str, str]:
        """The id of the channel of this name, of an archived one, and how one that was called so is called now."""
        archived = renamed = ""
        pages = self._client.pages("conversations.list", _MOST_PAGES, types=types, limit=_PAGE)
        for channel in (one for page in pages for one in page.get("channels") or []):
            is_named = name in (str(channel.get("name", "")).casefold(), channel.get("name_normalized"))
            if is_named and not channel.get("is_archived"):
                return str(channel["id"]), "", ""
            if is_named:
                archived = str(channel["id"])
            elif name in (channel.get("previous_names") or []):
                renamed = str(channel.get("name", ""))
        return "", archived, renamed
