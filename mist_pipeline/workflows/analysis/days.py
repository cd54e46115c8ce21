"""Arithmetic of days that several workflows need."""

from collections.abc import Sequence
from datetime import date, timedelta


def back(days: Sequence[date], days_back: int) -> date:
    """The first day of a look-back from the first of ``days``."""
    return min(days) - timedelta(days=days_back)
