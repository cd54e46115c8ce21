"""What each endpoint of the simulated cloud answers: parameters in, the cloud's JSON out.

Neighbours: `app` lets requests in (tokens, budgets, faults), `queries` reads parameters, `documents`, `devices` and
`alarms` write the bodies.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mist_pipeline.domain.metrics import Group
from mist_pipeline.simulator.changes.audit_log import AuditLog
from mist_pipeline.simulator.changes.wlan_templates import template_documents, template_numbers
from mist_pipeline.simulator.cloud import documents, impacts, queries
from mist_pipeline.simulator.cloud.alarms import AlarmLog
from mist_pipeline.simulator.cloud.devices import (
    Document,
    Fleet,
    device_types,
    msp_organisations,
    self_document,
)
from mist_pipeline.simulator.cloud.queries import BadRequestError
from mist_pipeline.simulator.cloud.view import CloudView
from mist_pipeline.simulator.world.organisation import MSP_ID, Site

TOKEN: Final = "simulated-token-1"  # noqa: S105 - opens the simulator only
SECOND_TOKEN: Final = "simulated-token-2"  # noqa: S105
FOREIGN_TOKEN: Final = "simulated-token-of-another-organisation"  # noqa: S105
_MOST_ACKNOWLEDGED: Final = 1000


@dataclass(frozen=True)
class Behaviour:
    """How this cloud differs from another.

    Attributes:
        retention_days: Hours older than this are gone; None keeps all.
        coarse_after_days: Longer windows come in buckets of a day; None never.
        has_summary_trend: Whether the newer path exists, or answers 404 as older clouds do.
        sends_interval: Whether `sites-sle` says its interval, as the contract asks and real answers do not.
        request_limit: Calls per hour and token.
        tokens: Valid for the organisation.
        has_control: Whether the clock can be moved over HTTP.
        org_name: Name of the organisation.
        may_write: Whether its tokens may change anything.
        may_read_logs: Whether its tokens may read the audit log.
        is_of_msp: Whether its tokens are of a provider, of which the organisation is one; it has others that they may not read.
    """

    retention_days: float | None = None
    coarse_after_days: float | None = None
    has_summary_trend: bool = True
    sends_interval: bool = False
    request_limit: int = 5000
    tokens: tuple[str, ...] = (TOKEN, SECOND_TOKEN)
    has_control: bool = False
    org_name: str = "Simulated <b>Retail</b> & Co"
    may_write: bool = True
    may_read_logs: bool = True
    is_of_msp: bool = True

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError("a cloud without tokens answers nobody")
        if self.request_limit < 1:
            raise ValueError(f"a limit of {self.request_limit} calls an hour answers nobody")


class ForbiddenError(PermissionError):
    """Answered with 403."""


class NotThereError(LookupError):
    """Answered with 404 and the id that was asked for."""


class Endpoints:
    """Answers for one cloud; each method takes a request that was let in, and its body.

    Args:
        cloud: The world as it is visible now.
        behaviour: Which kind of cloud it is.
        spent: Token → its calls in this hour.
    """

    def __init__(self, cloud: CloudView, behaviour: Behaviour, spent: Callable[[str], int]) -> None:
        self._cloud = cloud
        self._behaviour = behaviour
        self._spent = spent
        self._fleet = Fleet(cloud)
        self._alarms = AlarmLog(cloud, self._fleet)
        self._audits = AuditLog(cloud.world, cloud.clock)

    def self(self, _request: Request, _body: bytes) -> Response:
        """The privileges of the token."""
        msp_id = MSP_ID if self._behaviour.is_of_msp else None
        return JSONResponse(self_document(self._behaviour.org_name, msp_id))

    def msp_orgs(self, request: Request, _body: bytes) -> Response:
        """The organisations of the provider; another provider, or none, is not there."""
        if not self._behaviour.is_of_msp:
            raise ForbiddenError
        if request.path_params["msp_id"] != MSP_ID:
            raise NotThereError(request.path_params["msp_id"])
        return numbered(request, msp_organisations(self._behaviour.org_name, MSP_ID), lambda some: some)

    def usage(self, request: Request, _body: bytes) -> Response:
        """The token's calls in this hour."""
        token = request.headers["authorization"].partition(" ")[2]
        return JSONResponse({"request_limit": self._behaviour.request_limit, "requests": self._spent(token)})

    def _site(self, request: Request) -> Site:
        site_id = str(request.path_params["site_id"])
        site = self._cloud.site(site_id)
        if site is None:
            raise NotThereError(site_id)
        return site

    def sites(self, request: Request, _body: bytes) -> Response:
        """All sites."""
        return numbered(request, self._cloud.sites(), self._fleet.sites_documents)

    def stats_sites(self, request: Request, _body: bytes) -> Response:
        """Counts of all sites."""
        return numbered(request, self._cloud.sites(), self._fleet.stats_documents)

    def wlan_templates(self, request: Request, _body: bytes) -> Response:
        """WLAN templates, and where they apply."""
        write = partial(template_documents, self._cloud.world)
        return numbered(request, template_numbers(), write)

    def stats_devices(self, request: Request, _body: bytes) -> Response:
        """State of devices; access points only, unless asked."""
        return self._devices(request, self._fleet.device_document)

    def inventory(self, request: Request, _body: bytes) -> Response:
        """All devices of the inventory."""
        return self._devices(request, self._fleet.inventory_document)

    def _devices(self, request: Request, document: Callable[[str, Site, int], Document]) -> Response:
        query = request.query_params
        is_inventory = request.url.path.endswith("/inventory")
        kinds = device_types(query.get("type", "all" if is_inventory else ""))
        if kinds is None:
            raise BadRequestError(f"unknown device type {query['type'][:20]!r}")
        chosen = [
            address
            for address in self._fleet.addresses(kinds, self._cloud.sites())
            if query.get("site_id", address[1].site_id) == address[1].site_id
        ]
        status = query.get("status", "all")
        if status != "all":
            chosen = [
                address for address in chosen if self._fleet.is_connected(*address) == (status == "connected")
            ]
        return numbered(request, chosen, lambda addresses: [document(*address) for address in addresses])

    def sites_search(self, request: Request, _body: bytes) -> Response:
        """Sites by name and country, with a cursor."""
        query = dict(request.query_params)
        start, end = queries.window(query, self._cloud.clock.now())
        found = [
            site
            for site in self._cloud.sites()
            if query.get("name", "") in site.name
            and query.get("country_code", site.country_code) == site.country_code
        ]
        keys = [(float(site.index), site.site_id) for site in found]
        chosen, cursor = queries.after_cursor(found, keys, query, request.url.path)
        return _found(query, (start, end), len(found), self._fleet.search_documents(chosen), cursor)

    def sites_sle(self, request: Request, _body: bytes) -> Response:
        """Every site's scores over one window."""
        query = request.query_params
        group = query.get("sle", "wifi")
        if group not in ("wifi", "wired", "wan"):
            raise BadRequestError(f"unknown sle {group[:20]!r}: wifi, wired or wan")
        start, end = queries.window(query, self._cloud.clock.now())
        paged = queries.page_of(query)
        scores = self._cloud.scores(cast("Group", group), start, end)
        return JSONResponse(
            {
                "start": int(start),
                "end": int(end),
                "limit": paged.limit,
                "page": paged.page,
                "total": len(scores.sites),
                **({"interval": 3600} if self._behaviour.sends_interval else {}),
                "results": documents.sites_sle_rows(scores, self._cloud.world.sites(), group, paged.rows),
            }
        )

    def _metric(self, request: Request) -> tuple[Site, str, str]:
        site, spelled = self._scope(request), str(request.path_params["metric"])
        metric = documents.metric_of(site, spelled)
        if metric is None:
            # Clouds differ in how they say that a metric is not supported.
            if site.index % 2:
                raise BadRequestError(f"metric {spelled[:60]!r} is not supported")
            raise NotThereError(spelled)
        return site, metric, spelled

    def _scope(self, request: Request) -> Site:
        site = self._site(request)
        if request.path_params["scope"] != "site" or request.path_params["scope_id"] != site.site_id:
            raise NotThereError(str(request.path_params["scope_id"]))
        return site

    def sle_metrics(self, request: Request, _body: bytes) -> Response:
        """Which metrics a site advertises."""
        return JSONResponse(documents.metrics_document(self._scope(request)))

    def sle_summary_trend(self, request: Request, body: bytes) -> Response:
        """Buckets of one metric, on clouds that have the newer path."""
        if not self._behaviour.has_summary_trend:
            raise NotThereError("summary-trend")
        return self.sle_summary(request, body)

    def sle_summary(self, request: Request, _body: bytes) -> Response:
        """Buckets of one metric."""
        site, metric, spelled = self._metric(request)
        series = self._cloud.series(
            site, metric, *queries.window(request.query_params, self._cloud.clock.now())
        )
        return JSONResponse(documents.summary_document(site, metric, spelled, series))

    def impact_summary(self, request: Request, _body: bytes) -> Response:
        """Users, access points and other parts that are hit."""
        fields = request.query_params.get("fields", "")
        if fields not in ("", *impacts.FIELDS):
            raise BadRequestError(f"unknown fields {fields[:40]!r}")
        return JSONResponse(impacts.impact_summary(self._hit(request), fields))

    def impacted_aps(self, request: Request, _body: bytes) -> Response:
        """Which access points are hit."""
        return JSONResponse(impacts.impacted_devices(self._hit(request), "ap"))

    def impacted_switches(self, request: Request, _body: bytes) -> Response:
        """Which switches are hit."""
        return JSONResponse(impacts.impacted_devices(self._hit(request), "switch"))

    def impacted_gateways(self, request: Request, _body: bytes) -> Response:
        """Which gateways are hit."""
        return JSONResponse(impacts.impacted_devices(self._hit(request), "gateway"))

    def impacted_users(self, request: Request, _body: bytes) -> Response:
        """Whose Wi-Fi is hit."""
        return JSONResponse(impacts.impacted_users(self._hit(request)))

    def impacted_clients(self, request: Request, _body: bytes) -> Response:
        """Whose cable is hit."""
        return JSONResponse(impacts.impacted_clients(self._hit(request)))

    def _hit(self, request: Request) -> impacts.Hit:
        site, metric, spelled = self._metric(request)
        query = request.query_params
        series = self._cloud.series(site, metric, *queries.window(query, self._cloud.clock.now()))
        suspects = self._fleet.in_trouble(site, metric, series.start, series.end)
        return impacts.Hit(self._fleet, site, metric, spelled, series, query.get("classifier", ""), suspects)

    def alarms(self, request: Request, _body: bytes) -> Response:
        """Alarms of the organisation or of a site, with a cursor."""
        query = dict(request.query_params)
        window = queries.window(query, self._cloud.clock.now())
        site = self._site(request) if "site_id" in request.path_params else None
        if site is None and query.get("site_id"):
            site = self._cloud.site(query["site_id"])
            if site is None:
                return _found(query, window, 0, [], None)
        found = [(alarm, self._alarms.document(alarm)) for alarm in self._alarms.between(*window, site)]
        for name in ("type", "severity", "group", "status"):
            if query.get(name):
                wanted = query[name].split(",")
                found = [item for item in found if item[1].get(name) in wanted]
        if query.get("acked"):
            found = [item for item in found if item[1]["acked"] == (query["acked"].lower() == "true")]
        if query.get("sort", "timestamp").startswith("-"):
            found.reverse()
        keys = [(alarm.at, alarm.alarm_id) for alarm, _ in found]
        chosen, cursor = queries.after_cursor(
            [document for _, document in found], keys, query, request.url.path
        )
        return _found(query, window, len(found), chosen, cursor)

    def audit_logs(self, request: Request, _body: bytes) -> Response:
        """Who changed what, newest first unless asked otherwise, in numbered pages counted in the body."""
        if not self._behaviour.may_read_logs:
            raise ForbiddenError
        query = request.query_params
        start, end = queries.window(query, self._cloud.clock.now())
        found = [self._audits.document(change) for change in self._audits.between(start, end)]
        for name in ("site_id", "admin_name", "message"):
            if query.get(name):
                found = [one for one in found if query[name] in (one[name] or "")]
        if query.get("sort") != "timestamp":
            found.reverse()
        paged = queries.page_of(query)
        return JSONResponse(
            {
                "start": int(start),
                "end": int(end),
                "limit": paged.limit,
                "page": paged.page,
                "total": len(found),
                "results": found[paged.rows],
            }
        )

    def acknowledge(self, _request: Request, body: bytes) -> Response:
        """Acknowledge alarms."""
        try:
            asked = json.loads(body)
        except ValueError:
            raise BadRequestError("JSON parse error") from None
        alarm_ids = asked.get("alarm_ids") if isinstance(asked, dict) else None
        if not isinstance(alarm_ids, list) or not all(isinstance(alarm_id, str) for alarm_id in alarm_ids):
            raise BadRequestError("alarm_ids must be a list of ids")
        if len(alarm_ids) > _MOST_ACKNOWLEDGED:
            raise BadRequestError(f"at most {_MOST_ACKNOWLEDGED} alarms at a time")
        self._alarms.acknowledge(alarm_ids, str(asked.get("note", "")))
        return Response(status_code=200)


def numbered(
    request: Request, items: list[Any], write: Callable[[list[Any]], Iterable[Document]]
) -> Response:
    """A numbered page with an array as its body and the counts in headers.

    Args:
        request: With the page that is wanted.
        items: All items.
        write: Documents of some of them.
    """
    paged = queries.page_of(request.query_params)
    headers = {
        "X-Page-Total": str(len(items)),
        "X-Page-Limit": str(paged.limit),
        "X-Page-Page": str(paged.page),
    }
    return JSONResponse(list(write(items[paged.rows])), headers=headers)


def _found(
    query: Mapping[str, str],
    window: tuple[float, float],
    total: int,
    results: list[Document],
    cursor: str | None,
) -> Response:
    """A page of a search."""
    body: Document = {
        "start": int(window[0]),
        "end": int(window[1]),
        "limit": queries.limit_of(query),
        "total": total,
        "results": results,
    }
    return JSONResponse(body if cursor is None else {**body, "next": cursor})
