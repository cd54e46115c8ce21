"""``webhook``: the webhook of the Mist organisation that sends to us: make it, look whether it works, remove it.

Here: options and words. Not here: what is asked and compared (``workflows.pushing.registration``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mist_pipeline.cli.console import console, errors, literal, next_commands
from mist_pipeline.domain.text import clean, count, instant

if TYPE_CHECKING:
    from mist_pipeline.mist.client import MistClient
    from mist_pipeline.settings import Settings
    from mist_pipeline.workflows.pushing.registration import Results, Wanted

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def webhook() -> None:
    """The webhook of the organisation, by which the cloud tells at once what happens: make it, check it, remove it.

    Example: [cyan]mist-pipeline webhook check[/]
    """


Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where the cloud sends to: the address of your proxy that leads to /mist here. Default: /mist of web.console_url.",
    ),
]


@app.command()
def register(url: Url = None) -> None:
    """Make the webhook, or bring it up to date. Needs a token that may write; without one, says what to click.

    Doing it twice is fine: it is known by its address, and other webhooks are left alone.

    Example: [cyan]mist-pipeline webhook register --url https://mist.example.com/mist[/]
    """
    from mist_pipeline.mist.errors import Forbidden
    from mist_pipeline.workflows.pushing import registration

    with _asking(url) as (settings, client, wish):
        try:
            change = registration.register(client, wish)
        except Forbidden as error:
            errors.print(f"[yellow]![/] {literal(error.reason)}.", soft_wrap=True)
            _say_what_to_click(settings, wish)
            raise typer.Exit(1) from None
        organisation = clean(client.resolve_org().name) or client.resolve_org().id
    said = {"made": "is made", "changed": "is brought up to date", "unchanged": "was as it has to be"}[change]
    console.print(f"The webhook of {organisation} {said}: {clean(wish.url)}", markup=False, soft_wrap=True)
    same = f" --url {wish.url}" if url else ""
    next_commands(
        (literal(f"mist-pipeline webhook check{same}"), "lets the cloud ping it, and says whether it arrives")
    )


@app.command()
def check(url: Url = None) -> None:
    """Say whether the webhook is right, let the cloud ping it, and say what came of its last messages. Exit code 1: it does not work.

    `mist-pipeline web` or `daemon` has to run meanwhile, with the same data folder.

    Example: [cyan]mist-pipeline webhook check[/]
    """
    from mist_pipeline.mist.errors import Forbidden
    from mist_pipeline.workflows.notifying.messages import utc_now
    from mist_pipeline.workflows.pushing import registration

    is_good = True
    with _asking(url) as (settings, client, wish):
        ours = registration.found(client, wish.url)
        if ours is None:
            errors.print(
                f"[red]✗[/] There is no webhook for {literal(wish.url)}: mist-pipeline webhook register",
                soft_wrap=True,
            )
            raise typer.Exit(1)
        for words in registration.differences(ours, wish):
            is_good = False
            console.print(f"[red]✗[/] {literal(words)}: mist-pipeline webhook register", soft_wrap=True)
        if is_good:
            console.print("[green]✓[/] the webhook is as it has to be")
        try:
            with console.status("Waiting for the ping …"):
                seconds = registration.pinged(client, settings, ours)
        except Forbidden:
            console.print(
                "[yellow]![/] the token may not ping; in Mist the webhook has a button for it", soft_wrap=True
            )
        else:
            is_good = _say_ping(seconds) and is_good
        _say_results(registration.results(client, ours, utc_now()))
    if not is_good:
        raise typer.Exit(1)


@app.command()
def remove(
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove the webhook; polling goes on. Other webhooks are left alone.

    Example: [cyan]mist-pipeline webhook remove --yes[/]
    """
    from mist_pipeline.workflows.pushing import registration

    with _asking(url) as (_settings, client, wish):
        ours = registration.found(client, wish.url)
        if ours is None:
            console.print(f"There is no webhook for {clean(wish.url)}; nothing changes.", markup=False)
            return
        named = f"{clean(ours.name)!r}, which sends to {clean(ours.url)}"
        if not yes:
            typer.confirm(f"Remove the webhook {named}?", abort=True)
        registration.remove(client, ours)
    console.print(f"Removed the webhook {named}.", markup=False, soft_wrap=True)


@contextmanager
def _asking(url: str | None) -> "Iterator[tuple[Settings, MistClient, Wanted]]":
    """The settings, a client for their organisation, and the webhook that they need."""
    from mist_pipeline.cli.place import need_data_folder
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.cloud import Cloud
    from mist_pipeline.workflows.pushing import registration

    settings = load_settings()
    need_data_folder(settings)
    cloud = Cloud(settings)
    wish = registration.wanted(settings, url, is_real=cloud.is_real)
    with cloud.client() as client:
        yield settings, client, wish


def _say_what_to_click(settings: "Settings", wish: "Wanted") -> None:
    from mist_pipeline.workflows.pushing.registration import NAME, TOPICS

    lines = (
        "Somebody with write access can make it in Mist: Organization → Settings → Webhooks → Add Webhook.",
        f"  Name    {NAME}",
        "  Type    HTTP Post",
        f"  URL     {clean(wish.url)}",
        f"  Secret  the value of {settings.mist.webhook_secret_from}",
        f"  Topics  {', '.join(TOPICS)}",
        f"Or give `webhook register` such a token once: {settings.mist.token_from}=… mist-pipeline webhook register",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _say_ping(seconds: float | None) -> bool:
    if seconds is None:
        console.print(
            "[red]✗[/] the cloud has sent a ping, and it did not arrive. Does `mist-pipeline web` run with this data folder "
            "and secret, and does the address lead to /mist here?",
            soft_wrap=True,
        )
        return False
    console.print(f"[green]✓[/] a ping arrived after {seconds:.1f} s")
    return True


def _say_results(said: "Results") -> None:
    """What the cloud says of the last day; nothing sent is nothing bad."""
    if not said.taken and not said.failed:
        console.print("  Mist has kept no result of a message of the last day.")
        return
    last = "" if said.last_taken_at is None else f", the last {instant(said.last_taken_at)}"
    console.print(
        f"  Of the newest messages of the last day {count(said.taken, 'message')} arrived{last}.",
        soft_wrap=True,
    )
    if said.last_failed is not None:
        failed = said.last_failed
        status = "" if failed.status is None else f"status {failed.status}, "
        console.print(
            f"  {count(said.failed, 'message')} did not arrive; the last one, of {clean(failed.topic) or 'an unknown topic'}: "
            f"{status}{clean(failed.error)[:200] or 'no reason given'}",
            markup=False,
            soft_wrap=True,
        )
