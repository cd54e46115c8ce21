"""What can go wrong when answers are collected, kept or read back; errors of the Mist API are in ``mist.errors``."""

from collections.abc import Sequence

from mist_pipeline.mist.errors import MistError, TransientFailure

_SHOWN = 5


class CollectError(Exception):
    """Something could not be collected, kept or read back."""


class RawDamagedError(CollectError):
    """A raw file is not what its manifest or its format promises."""


class RawBusyError(CollectError):
    """Another process is fetching the same days of the same kind."""


class NothingKnownError(CollectError):
    """There is no snapshot at all of something that every day needs."""


class FetchFailedError(CollectError):
    """Some requests have no answer, so nothing was committed; starting again asks only for them.

    Attributes:
        kind: The raw kind.
        failures: What was asked, and why it failed.
        is_transient: Every failure may heal by itself.
        retry_at: Epoch seconds from which on it makes sense to ask again, or None where unknown.
    """

    def __init__(self, kind: str, failures: Sequence[tuple[str, MistError]]) -> None:
        self.kind = kind
        self.failures = tuple(failures)
        self.is_transient = all(isinstance(error, TransientFailure) for _, error in failures)
        known = [error.retry_at for _, error in failures if error.retry_at is not None]
        self.retry_at = max(known) if known else None
        shown = "; ".join(f"{what}: {error}" for what, error in self.failures[:_SHOWN])
        more = f"; and {len(self.failures) - _SHOWN} more" if len(self.failures) > _SHOWN else ""
        super().__init__(
            f"{len(self.failures)} requests of {kind} failed, nothing of it counts: {shown}{more}"
        )

    def __reduce__(self) -> tuple[type["FetchFailedError"], tuple[str, tuple[tuple[str, MistError], ...]]]:
        """Errors cross process borders, so they must survive pickling."""
        return type(self), (self.kind, self.failures)
