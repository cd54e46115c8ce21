"""A disk as it is not: full, or read-only, which tests that run as root can have in no other way."""

import os
from types import SimpleNamespace

import pytest


def simulate_disk(monkeypatch: pytest.MonkeyPatch, **system: int) -> None:
    """Every file system says this of itself.

    Args:
        monkeypatch: Of the test.
        system: ``f_bavail`` (free blocks of 4 KiB), ``f_flag``.
    """
    said = SimpleNamespace(**{"f_flag": 0, "f_frsize": 4096, "f_bavail": 1 << 20, **system})
    monkeypatch.setattr(os, "statvfs", lambda _place: said)
