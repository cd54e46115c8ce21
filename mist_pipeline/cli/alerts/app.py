"""The group ``alerts``: its one option, and its commands in the order of the help."""

import typer

from mist_pipeline.cli.alerts import decisions, listing, retry, routes, show, silences
from mist_pipeline.cli.moments import AsOf

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def alerts(
    context: typer.Context,
    as_of: AsOf = None,
) -> None:
    """Incidents and alerts: look at them, take and silence them, see who is notified.

    Example: [cyan]mist-pipeline alerts list[/]
    """
    context.obj = as_of


app.command(name="list")(listing.list_incidents)
app.command()(show.show)
app.command()(decisions.ack)
app.command()(decisions.resolve)
app.command()(decisions.feedback)
app.command()(retry.retry)
app.command()(silences.silence)
app.command()(silences.unsilence)
app.command()(silences.silences)
app.command(name="test-route")(routes.show_routes)
