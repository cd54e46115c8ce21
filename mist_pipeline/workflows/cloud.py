"""The Mist cloud of the settings: its addresses, its organisation as last seen, and clients that share one call budget.

Not here: requests and their limits (``mist``), what is asked (`collection`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mist_pipeline.collect.raw.durable import write_atomically
from mist_pipeline.mist import clouds
from mist_pipeline.mist.client import Limits, MistClient, connect
from mist_pipeline.mist.organisation import Organisation
from mist_pipeline.settings import Settings, SettingsError

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
    def people_url(self) -> str:
        """Where people go."""
        return clouds.people_url(self.api_url)

    @property
    def organisation(self) -> Organisation:
        """The organisation as it was last seen; before the first run what the settings say."""
        try:
            seen = json.loads(self._organisation_file.read_bytes())
        except FileNotFoundError:
            return Organisation(id=self.settings.mist.org_id or "", name="")
        return Organisation(id=str(seen["id"]), name=str(seen["name"]))

    def resolve(self, client: MistClient) -> Organisation:
        """The organisation to watch; remembered for those who only write about it.

        Raises:
            MistError: The cloud did not say, or there is more than one.
        """
        found = client.resolve_org()
        content = json.dumps({"id": found.id, "name": found.name}).encode()
        write_atomically(self._organisation_file, [content])
        return found

    @property
    def _organisation_file(self) -> Path:
        return self.settings.data / "organisation.json"

    @contextmanager
    def client(self, *, patience_seconds: float = PATIENT_SECONDS) -> Iterator[MistClient]:
        """A client, closed at the end of the block.

        Raises:
            SettingsError: There is no token.
        """
        tokens = [token.get_secret_value() for token in self.settings.tokens]
        if not tokens:
            raise SettingsError(
                "MIST_API_TOKEN is not set: create a token in the Mist dashboard (Organization → Settings → API Token) "
                "and put it into the environment. Without one, try `make demo`."
            )
        with connect(
            cloud=self.api_url,
            tokens=tokens,
            budget_path=self.settings.budget_path,
            calls_per_hour=self.settings.mist.calls_per_hour,
            org_id=self.settings.mist.org_id,
            limits=Limits(concurrency=self.settings.mist.connections, budget_wait_seconds=patience_seconds),
        ) as client:
            yield client
