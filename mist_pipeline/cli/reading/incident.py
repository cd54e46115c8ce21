"""``incident``: one incident in full, as ``alerts show`` prints it, without going through the group."""

from mist_pipeline.cli.alerts.arguments import Id
from mist_pipeline.cli.alerts.show import show_incident
from mist_pipeline.cli.clock import clock_of
from mist_pipeline.cli.moments import AsOf
from mist_pipeline.cli.printing.options import Json


def incident(subject: Id, as_json: Json = False, as_of: AsOf = None) -> None:
    """Show an incident: since when, who is hit, what happened, who was notified, tickets, escalations, feedback.

    Example: [cyan]mist-pipeline incident 3f2a[/]
    """
    from mist_pipeline.settings import load_settings

    settings = load_settings()
    clock, _stands = clock_of(settings, as_of)
    show_incident(settings, subject, clock(), as_json=as_json)
