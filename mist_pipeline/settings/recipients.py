"""Who is notified at all with these settings: sinks, and where each sends, without a secret.

Not here: who is notified of one incident (``workflows.notifying.routing``).
"""

from mist_pipeline.delivery.config import SinkConfig
from mist_pipeline.domain.text import clean
from mist_pipeline.settings.notifications import Notifications

_MOST = 3
"""Addresses of one sink that are named."""


def recipients(notified: Notifications) -> list[str]:
    """Every sink that a route or an escalation leads to, each once, with where it sends; none: nobody is notified.

    Silences and quiet hours are left out: they hold a message back for a time.
    """
    routed = [sink for route in notified.routes for sink in route.sinks]
    followed = {route.escalation for route in notified.routes if route.escalation}
    called = [step.sink for name in sorted(followed) for step in notified.escalations[name].steps]
    told = dict.fromkeys(routed)
    only_called = [sink for sink in dict.fromkeys(called) if sink not in told]
    return [_described(name, notified.sinks[name]) for name in told] + [
        f"{_described(name, notified.sinks[name])} if nobody reacts" for name in only_called
    ]


def unused(notified: Notifications) -> list[str]:
    """Sinks that are configured and that nothing leads to."""
    used = {sink for route in notified.routes for sink in route.sinks}
    followed = {route.escalation for route in notified.routes if route.escalation}
    used |= {step.sink for name in followed for step in notified.escalations[name].steps}
    return [name for name in notified.sinks if name not in used]


def _described(name: str, sink: SinkConfig) -> str:
    places = [clean(place, 60) for place in sink.sends_to]
    more = f" and {len(places) - _MOST} more" if len(places) > _MOST else ""
    where = f": {', '.join(places[:_MOST])}{more}" if places else ""
    return f"{clean(name, 60)} ({sink.type_name()}{where})"
