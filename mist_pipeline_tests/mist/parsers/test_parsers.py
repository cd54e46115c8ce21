"""What holds for every parser."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape

PARSERS: dict[str, Callable[..., Any]] = {
    name: getattr(parsers, name) for name in parsers.__all__ if name.startswith("parse_")
}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["a", "capacity", "org"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "start",
                    "end",
                    "sle",
                    "samples",
                    "total",
                    "degraded",
                    "value",
                    "interval",
                    "classifiers",
                    "impact",
                    "num_users",
                    "results",
                    "site_id",
                    "timestamp",
                    "coverage",
                    "enabled",
                    "privileges",
                    "scope",
                    "org_id",
                    "latlng",
                    "lat",
                    "radio_stat",
                    "band_5",
                    "cpu_stat",
                    "idle",
                    "memory_stat",
                    "usage",
                    "requests",
                    "aps",
                    "details",
                    "metric",
                    "ap",
                    "ap_mac",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None)
@given(document=JSON)
def test_any_document_is_read_or_refused_with_its_path_and_nothing_else_happens(
    name: str, document: Any
) -> None:
    refusal = None
    try:
        PARSERS[name](document)
    except UnexpectedShape as error:
        refusal = error
    if refusal is not None:
        assert refusal.endpoint == name.removeprefix("parse_")
        assert str(refusal).startswith(f"{refusal.endpoint}: ")
