"""Reports that the tests of this folder share and only read: a picture costs a tenth of a second."""

import pytest

from mist_pipeline_tests.support.report.pages import Rendered, rendered
from mist_pipeline_tests.support.report.worlds import HOSTILE_NAMES, make_report


@pytest.fixture(scope="session")
def report() -> Rendered:
    """24 sites, 45 days, every frame."""
    return rendered(make_report())


@pytest.fixture(scope="session")
def hostile() -> Rendered:
    """The same with names that attack."""
    return rendered(make_report(names=HOSTILE_NAMES))
