"""Where days are analysed and forecasts are made: this machine, or a cluster, which needs what its workers can see."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from mist_pipeline.domain.config_section import PlacedError, Section


class Compute(Section):
    """Where days are analysed and forecasts are made."""

    engine: Literal["processes", "dask"] = Field(
        "processes",
        description="This machine, forecasts in processes of it; or a dask.distributed cluster, for the steps of runs about days and for "
        "forecasts. A cluster needs `warehouse.url`, `storage.url`, `alerts.ledger` and Dagster's storage where its workers reach them.",
    )
    workers: int | None = Field(
        None, ge=1, description="Processes; empty: one a core. A cluster has its own number."
    )
    scheduler: str | None = Field(None, description="Address of the cluster's scheduler, tcp://host:8786.")
    max_runs: int | None = Field(
        None,
        ge=9,
        description="Runs at the same time of several organisations together, a third of them heavy; empty: nine for each, at most four a core "
        "and at least 18.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.engine == "dask" and not self.scheduler:
            raise ValueError("engine dask needs compute.scheduler, the address of the cluster's scheduler")
        return self


def refuse_what_workers_cannot_see(warehouse: SecretStr | None, store: str, ledger: str | Path) -> None:
    """Refuse a cluster whose workers, on other machines, would see nothing or something else.

    Args:
        warehouse: Address of the shared warehouse.
        store: Address of the shared files.
        ledger: Address of the ledger, or its path.

    Raises:
        PlacedError: Says what to set. Dagster's own storage is looked at when a run begins (``defs.runs.cluster``).
    """
    lacking = {
        "warehouse.url and warehouse.data_path (a lake)": warehouse is None,
        "storage.url (raw files)": not store,
        "alerts.ledger (postgresql://…)": not str(ledger).startswith("postgresql"),
    }
    missing = [what for what, is_missing in lacking.items() if is_missing]
    if missing:
        raise PlacedError(
            ("compute", "engine"),
            "dask runs steps on workers of other machines, which see nothing of this one's data folder; "
            f"set {', '.join(missing)}: docs/scale.md#steps-on-a-dask-cluster",
        )
