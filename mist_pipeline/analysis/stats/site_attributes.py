"""Which sites share a group, a gateway, a template, a firmware, a model or a country.

Here: attributes of ``history.sites`` as rows. Not here: what sharing one means (``evidence.peer_groups``,
``causes.shared_attributes``).

>>> sites = pl.DataFrame({
...     "site_id": ["a"], "country_code": ["DE"], "sitegroup_ids": [["north"]],
...     "attributes": ['{"models": {"AP45": 9, "AP12": 1}}'],
... })
>>> memberships(sites).rows()
[('a', 'country', 'DE'), ('a', 'model', 'AP45'), ('a', 'site_group', 'north')]
"""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

ATTRIBUTES = ("site_group", "gateway", "template", "firmware_of_model", "firmware", "model", "country")
"""Attributes in the order in which one is preferred when several describe the same sites."""


_MIN_SHARE_OF_APS = 0.2
"""A model or firmware on fewer of a site's APs does not describe the site."""


def memberships(sites: pl.DataFrame) -> pl.DataFrame:
    """Which site has which attribute: site_id, attribute, value, one row each; what is not known is left out.

    Args:
        sites: site_id, country_code, sitegroup_ids, attributes (JSON: models, firmware, templates, gateway), of one
            day.
    """
    parsed = [
        (site, attribute, value)
        for site, text in sites.select("site_id", "attributes").iter_rows()
        for attribute, value in _of_site(json.loads(text) if text else {})
    ]
    columns = ["site_id", "attribute", "value"]
    long = [
        pl.DataFrame(parsed, schema=dict.fromkeys(columns, pl.String), orient="row"),
        sites.select("site_id", pl.lit("country").alias("attribute"), pl.col("country_code").alias("value")),
        sites.select(
            "site_id", pl.lit("site_group").alias("attribute"), pl.col("sitegroup_ids").alias("value")
        )
        .explode("value")
        .cast(pl.String),
    ]
    return (
        pl.concat(long)
        .filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
        .unique()
        .sort("attribute", "value", "site_id")
    )


def _of_site(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(attribute, value) pairs of one site's JSON."""
    models, firmware = (_prevalent(attributes.get(key) or {}) for key in ("models", "firmware"))
    gateway = attributes.get("gateway")
    return [
        *(("model", model) for model in models),
        *(("firmware", version) for version in firmware),
        *(("firmware_of_model", f"{version} on {model}") for version in firmware for model in models),
        *(("template", str(template)) for template in attributes.get("templates") or []),
        *([("gateway", str(gateway))] if gateway else []),
    ]


def _prevalent(counts: Mapping[str, float]) -> list[str]:
    """The names that stand for enough of the whole."""
    total = sum(counts.values())
    return sorted(name for name, count in counts.items() if total and count / total >= _MIN_SHARE_OF_APS)
