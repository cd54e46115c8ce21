"""Privileges and usage of a token."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape


class TestAccount:
    def test_privileges_keep_the_clouds_order(self) -> None:
        found = parsers.parse_self(
            {
                "privileges": [
                    {"scope": "msp", "role": "admin", "name": "MSP"},
                    {"scope": "org", "role": "read", "org_id": "o", "name": "Retail"},
                    {"scope": "site", "role": "read", "org_id": "o", "name": "Shop", "org_name": "Retail"},
                ]
            }
        )
        assert [(each.scope, each.org_id, each.org_name) for each in found] == [
            ("msp", None, ""),
            ("org", "o", "Retail"),
            ("site", "o", "Retail"),
        ]

    def test_a_privilege_without_scope_is_set_aside(self) -> None:
        odd = parsers.Oddities("self")
        found = parsers.parse_self({"privileges": [{"role": "admin"}, {"scope": "org", "org_id": "o"}]}, odd)
        assert [each.org_id for each in found] == ["o"]
        assert [each.where for each in odd.first] == ["privileges[0].scope"]

    @pytest.mark.parametrize("document", [{"privileges": "all"}, []])
    def test_privileges_that_are_no_list_are_an_error(self, document: Any) -> None:
        with pytest.raises(UnexpectedShape):
            parsers.parse_self(document)

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ({"requests": 5, "request_limit": 5000}, (5, 5000)),
            ({"requests": 5.0}, (5, None)),
            ({"request_limit": 0}, (None, None)),
        ],
    )
    def test_usage_is_read(self, document: Any, expected: tuple[int | None, int | None]) -> None:
        found = parsers.parse_usage(document)
        assert (found.requests, found.request_limit) == expected
