"""What a message calls a shared cause, several causes, and a digest.

Pure: words in, words out; who renders them escapes them. Not here: the sentence about one alert (``delivery.rendering.wording``).
"""

import re
from collections.abc import Sequence

from mist_pipeline.alerts.lifecycle.grouping import STORM
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.domain import text

_MOST_CAUSES = 3
_CAUSE_IN_TITLE = 180
_STORM_SIZE = re.compile(r" at [\d,]+ sites at once$")
"""How the sentence about a storm ends."""


def digest_title(told: int, over: int, past: int) -> str:
    """``3 incidents during quiet hours, 1 of them over; 2 more were over before they were noticed``."""
    title = f"{text.count(told, 'incident')} during quiet hours"
    if 0 < over < told:
        title += f", {over:,} of them over"
    if past == 1:
        return f"{title}; 1 more was over before it was noticed"
    return f"{title}; {past:,} more were over before they were noticed" if past else title


def with_size(incident: Incident, sites: int) -> str:
    """A shared cause with the number of its sites, which may have grown since it was named."""
    words = text.clean(incident.cause).removesuffix(".")
    if not sites:
        return words
    size = text.count(sites, "site")
    if incident.attribute == STORM:
        return _STORM_SIZE.sub(f" at {size} at once", words)
    if re.search(rf"(?<![\d.,])(?<!of )(?:{sites}|{sites:,}) (?:sites?|of)\b", words):
        return words
    return f"{text.clipped(words, _CAUSE_IN_TITLE)} ({size} hit)"


def listed(causes: Sequence[str]) -> str:
    """Several causes in one line; what does not fit is counted."""
    room = text.SENTENCE_LENGTH // _MOST_CAUSES - 20
    shown = [text.clean(cause, room).removesuffix(".") for cause in causes[:_MOST_CAUSES]]
    more = [wording.left_out(len(causes) - len(shown))] if len(causes) > len(shown) else []
    return "; ".join(shown + more)
