"""The Mist cloud of the settings: its addresses, its organisation as last seen, and clients that share one call budget.

Not here: requests and their limits (``mist``), what is asked (`collection`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mist_pipeline.mist import clouds
from mist_pipeline.mist.client import DEFAULT_LIMITS, Limits, MistClient, connect
from mist_pipeline.mist.organisation import Organisation
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.workflows.cloud_clock import remember_skew
from mist_pipeline.workflows.organisation_pin import pin, refuse_other, remembered
from mist_pipeline.workflows.running.instants import refuse_later_than_cloud

PATIENT_SECONDS = 3_700.0
"""How long a batch request waits for room in the call budget: until the next hour has begun."""


@dataclass(frozen=True)
class Cloud:
    """The Mist cloud of the settings; opening it needs a token, naming it does not."""

    settings: Settings

    @property
    def api_url(self) -> str:
        """Where requests go."""
        return clouds.base_url(self.settings.mist.base_url or self.settings.mist.cloud)

    @property
    def people_url(self) -> str | None:
        """Where people go; None where there is no page for them, as with a simulated cloud."""
        seen = remembered(self.settings)
        # Whose data is shown decides, not what is configured now: the page of a simulated organisation leads nowhere.
        return clouds.people_url(seen.cloud if seen is not None and seen.cloud else self.api_url)

    @property
    def is_real(self) -> bool:
        """Whether it is one of Mist's, whose clock is right, and not a simulated one."""
        return self.people_url is not None

    @property
    def organisation(self) -> Organisation:
        """The organisation as it was last seen; before the first run what the settings say."""
        seen = remembered(self.settings)
        if seen is None:
            return Organisation(id=self.settings.mist.org_id or "", name="")
        return Organisation(id=seen.org_id, name=seen.name)

    def resolve(self, client: MistClient) -> Organisation:
        """The organisation to watch. The data folder belongs to it from now on.

        Raises:
            MistError: The cloud did not say, or there is more than one.
            OtherOrganisationError: The data folder belongs to another one.
        """
        found = client.resolve_org()
        pin(self.settings, self.owner(found))
        return found

    def owner(self, organisation: Organisation) -> Owner:
        """An organisation of this cloud, as a data folder is pinned to it."""
        return Owner(organisation.id, organisation.name, self.api_url)

    def check_place(self) -> None:
        """Compare what is configured with the data folder; nobody is asked.

        Raises:
            OtherOrganisationError: The folder belongs to another cloud or organisation.
        """
        wanted = Organisation(self.settings.mist.org_id or "", self.settings.organisation.name)
        refuse_other(self.settings, self.owner(wanted))

    @contextmanager
    def client(
        self,
        *,
        as_of: datetime | None = None,
        patience_seconds: float = PATIENT_SECONDS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Iterator[MistClient]:
        """A client for this data folder, closed at the end of the block. Only the token was asked whose it is.

        Args:
            as_of: As of when a run asks; refused where the cloud's clock has not reached it.
            patience_seconds: How long a request waits for room in the call budget.
            limits: How hard to try; connections and patience are as configured and given here.

        Raises:
            SettingsError: There is no token.
            OtherOrganisationError: The data folder belongs to another organisation.
            MistError: The cloud did not say whose token it is, or its clock has not reached the instant.
        """
        # A token is not even shown to a cloud that cannot be the right one.
        self.check_place()
        with self.any_client(patience_seconds=patience_seconds, limits=limits) as client:
            refuse_other(self.settings, self.owner(client.resolve_org()))
            if as_of is not None and client.clock_skew is not None:
                refuse_later_than_cloud(as_of, datetime.now(UTC) + client.clock_skew)
            yield client

    @contextmanager
    def any_client(
        self,
        *,
        patience_seconds: float = PATIENT_SECONDS,
        limits: Limits = DEFAULT_LIMITS,
        budget_path: Path | None = None,
    ) -> Iterator[MistClient]:
        """A client, closed at the end of the block, before it is known whose the token is.

        Args:
            patience_seconds: How long a request waits for room in the call budget.
            limits: How hard to try; connections and patience are as configured and given here.
            budget_path: The file of the budget, instead of that of the data folder.

        Raises:
            SettingsError: There is no token.
        """
        tokens = [token.get_secret_value() for token in self.settings.tokens]
        if not tokens:
            raise SettingsError(
                f"{self.settings.mist.token_from} is not set: create a token in the Mist dashboard (Organization → Settings → API Token) "
                "and put it into the environment. Without one, try `make demo`."
            )
        with connect(
            cloud=self.api_url,
            tokens=tokens,
            budget_path=budget_path or self.settings.budget_path,
            calls_per_hour=self.settings.mist.calls_per_hour,
            org_id=self.settings.mist.org_id,
            limits=replace(
                limits, concurrency=self.settings.mist.connections, budget_wait_seconds=patience_seconds
            ),
        ) as client:
            try:
                yield client
            finally:
                # The clock of a simulated cloud says nothing about ours.
                has_place = self.settings.data.exists() and self.is_real
                if client.clock_skew is not None and has_place:
                    remember_skew(self.settings, client.clock_skew, datetime.now(UTC))
