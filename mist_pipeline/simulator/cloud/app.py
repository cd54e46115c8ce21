"""The simulated cloud as a web application: paths, tokens, call budgets, faults, errors in the cloud's own shapes.

`endpoints` makes the answers and `server` gives the application a socket. No path leads to the truth.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mist_pipeline.simulator.changes.audit_log import AuditLog
from mist_pipeline.simulator.cloud.alarms import AlarmLog
from mist_pipeline.simulator.cloud.devices import Fleet
from mist_pipeline.simulator.cloud.endpoints import (
    FOREIGN_TOKEN,
    Behaviour,
    Endpoints,
    ForbiddenError,
    NotThereError,
)
from mist_pipeline.simulator.cloud.http_faults import Faults, Injector, Kind
from mist_pipeline.simulator.cloud.odd_answers import with_endless_cursor, with_odd_value
from mist_pipeline.simulator.cloud.pushes import PushLog
from mist_pipeline.simulator.cloud.queries import BadRequestError
from mist_pipeline.simulator.cloud.view import CloudView
from mist_pipeline.simulator.cloud.webhook_endpoints import WebhookEndpoints
from mist_pipeline.simulator.cloud.webhooks import Webhooks
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.organisation import ORG_ID
from mist_pipeline.simulator.world.world import World

CONTROL_PATH: Final = "/simulator/clock"

_UNAUTHORIZED: Final = "Authentication credentials were not provided."
_FORBIDDEN: Final = "You do not have permission to perform this action."
_TOO_MANY: Final = (
    "Too Many Request. The API Token used for the request reached the {limit} API Calls per hour threshold"
)
_BAD_GATEWAY: Final = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"


@dataclass
class Counters:
    """What has been asked and answered, for tests and demonstrations; read it while nothing is under way.

    Attributes:
        paths: Requests by path.
        endpoints: Requests by endpoint, e.g. `sites_sle`.
        statuses: Answers by HTTP status; 0 for a reset or stalled connection.
        faults: Injected faults by kind.
    """

    paths: Counter[str] = field(default_factory=Counter)
    endpoints: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.paths.values())


class SimulatedCloud:
    """Answers requests for one world.

    Args:
        world: The world.
        clock: Its now; by default the world's end.
        behaviour: Which kind of cloud it is.
        faults: What goes wrong.
        wall: Seconds, for the hours of the call budget.
    """

    def __init__(
        self,
        world: World,
        clock: Clock | None = None,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.clock = clock or Clock(world.end)
        self.world = world
        self.counters = Counters()
        self.closing = asyncio.Event()
        cloud = CloudView(
            world,
            self.clock,
            retention_days=self.behaviour.retention_days,
            coarse_after_days=self.behaviour.coarse_after_days,
        )
        self.pushes = PushLog(AlarmLog(cloud, Fleet(cloud)), AuditLog(world, self.clock))
        self.webhooks = Webhooks(ORG_ID, self.clock.now)
        self._answers = Endpoints(cloud, self.behaviour, lambda token: self._spent[token][1])
        self._hooks = WebhookEndpoints(self.webhooks, self.clock.now)
        self._injector = Injector(faults or Faults())
        self._wall = wall
        self._budget_lock = threading.Lock()
        self._spent: dict[str, tuple[tuple[int, int], int]] = {}

    def app(self) -> ASGIApp:
        """The ASGI application."""
        answers = self._answers
        org, site = "/api/v1/orgs/{org_id}", "/api/v1/sites/{site_id}"
        sle = f"{site}/sle/{{scope}}/{{scope_id}}"
        metric = f"{sle}/metric/{{metric}}"
        routes = [
            ("self", "/api/v1/self", answers.self),
            ("usage", "/api/v1/self/usage", answers.usage),
            ("msp_orgs", "/api/v1/msps/{msp_id}/orgs", answers.msp_orgs),
            ("sites", f"{org}/sites", answers.sites),
            ("sites_search", f"{org}/sites/search", answers.sites_search),
            ("sites_sle", f"{org}/insights/sites-sle", answers.sites_sle),
            ("stats_sites", f"{org}/stats/sites", answers.stats_sites),
            ("stats_devices", f"{org}/stats/devices", answers.stats_devices),
            ("inventory", f"{org}/inventory", answers.inventory),
            ("alarms", f"{org}/alarms/search", answers.alarms),
            ("alarms", f"{site}/alarms/search", answers.alarms),
            ("audit_logs", f"{org}/logs", answers.audit_logs),
            ("wlan_templates", f"{org}/templates", answers.wlan_templates),
            ("sle_metrics", f"{sle}/metrics", answers.sle_metrics),
            ("sle_summary", f"{metric}/summary", answers.sle_summary),
            ("sle_summary_trend", f"{metric}/summary-trend", answers.sle_summary_trend),
            ("impact_summary", f"{metric}/impact-summary", answers.impact_summary),
            ("impacted_aps", f"{metric}/impacted-aps", answers.impacted_aps),
            ("impacted_switches", f"{metric}/impacted-switches", answers.impacted_switches),
            ("impacted_gateways", f"{metric}/impacted-gateways", answers.impacted_gateways),
            ("impacted_users", f"{metric}/impacted-users", answers.impacted_users),
            ("impacted_clients", f"{metric}/impacted-clients", answers.impacted_clients),
        ]
        table = [Route(path, self._guarded(name, answer)) for name, path, answer in routes]
        table += [
            Route(f"{place}/alarms/ack", self._guarded("alarms_ack", answers.acknowledge), methods=["POST"])
            for place in (org, site)
        ]
        hooks = f"{org}/webhooks"
        for method, path, answer in (
            ("GET", hooks, self._hooks.listed),
            ("POST", hooks, self._hooks.added),
            ("PUT", f"{hooks}/{{webhook_id}}", self._hooks.replaced),
            ("DELETE", f"{hooks}/{{webhook_id}}", self._hooks.removed),
            ("POST", f"{hooks}/{{webhook_id}}/ping", self._hooks.pinged),
            ("GET", f"{hooks}/{{webhook_id}}/events/search", self._hooks.deliveries),
        ):
            table.append(Route(path, self._guarded("webhooks", answer), methods=[method]))
        if self.behaviour.has_control:
            table.append(Route(CONTROL_PATH, self._control, methods=["GET", "POST"]))
        return Starlette(routes=table, exception_handlers={404: _unknown_path, 405: _unknown_path})

    def _guarded(self, name: str, answer: Callable[[Request, bytes], Response]) -> ASGIApp:
        return _Endpoint(self, name, answer)

    async def respond(
        self, name: str, answer: Callable[[Request, bytes], Response], request: Request
    ) -> Response | None:
        """One answer, or None where the connection is to be reset."""
        path = request.url.path
        self.counters.paths[path] += 1
        self.counters.endpoints[name] += 1
        fault = self._injector.fault(path, request.url.query, self.clock.now())
        if fault is not None:
            self.counters.faults[fault] += 1
        if fault in ("stall", "reset"):
            self.counters.statuses[0] += 1
            if fault == "reset":
                return None
            # A stall lasts longer than the client's timeout; closing the server ends it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), self._injector.faults.stall_seconds)
            return _html(504)
        body = await request.body()
        response = (
            self._refusal(fault, path) or self._permitted(request) or self._answered(answer, request, body)
        )
        if fault in ("truncated", "odd_value", "endless_cursor") and response.status_code == 200:
            response = self._spoilt(fault, request, bytes(response.body), response.headers)
        self.counters.statuses[response.status_code] += 1
        return response

    def _spoilt(self, fault: Kind, request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
        """An answer that is not what it should be, with status 200."""
        path, query = request.url.path, request.url.query
        if fault == "truncated":
            body = body[: len(body) // 2]
        elif fault == "odd_value":
            body = with_odd_value(body, self._injector.draw(path, query))
        else:
            body = with_endless_cursor(body, path, query)
        kept = {name: value for name, value in headers.items() if name.startswith("x-page")}
        return Response(body, headers=kept, media_type="application/json")

    def _answered(
        self, answer: Callable[[Request, bytes], Response], request: Request, body: bytes
    ) -> Response:
        try:
            return answer(request, body)
        except BadRequestError as error:
            return _detail(400, str(error))
        except ForbiddenError:
            return _detail(403, _FORBIDDEN)
        except NotThereError as error:
            return JSONResponse({"id": str(error)}, 404)

    def _refusal(self, fault: Kind | None, path: str) -> Response | None:
        limit = self.behaviour.request_limit
        if fault in ("rate_limited", "rate_limited_bare"):
            wait = {"Retry-After": str(self._injector.faults.retry_after_seconds)}
            return _detail(429, _TOO_MANY.format(limit=limit), wait if fault == "rate_limited" else None)
        if fault in ("bad_gateway", "unavailable"):
            return _html(502 if fault == "bad_gateway" else 503)
        if fault == "unauthorized":
            return _detail(401, _UNAUTHORIZED)
        if fault == "forbidden":
            return _detail(403, _FORBIDDEN)
        return JSONResponse({"id": path.rsplit("/", 1)[-1]}, 404) if fault == "not_found" else None

    def _permitted(self, request: Request) -> Response | None:
        """None, or the refusal: no token, budget used up, or a token of another organisation."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Token" or token not in (*self.behaviour.tokens, FOREIGN_TOKEN):
            return _detail(401, _UNAUTHORIZED)
        if self._spend(token) > self.behaviour.request_limit:
            return _detail(429, _TOO_MANY.format(limit=self.behaviour.request_limit))
        org_id = request.path_params.get("org_id")
        is_about_org = org_id is not None or "site_id" in request.path_params
        if "msp_id" in request.path_params and token == FOREIGN_TOKEN:
            return _detail(403, _FORBIDDEN)
        if is_about_org and (token == FOREIGN_TOKEN or org_id not in (None, ORG_ID)):
            return _detail(403, _FORBIDDEN)
        if not self.behaviour.may_write and request.method not in ("GET", "HEAD"):
            return _detail(403, _FORBIDDEN)
        return None

    def _hour(self) -> tuple[int, int]:
        """The hour of the call budget: another one begins with each hour of the wall clock or of the simulated clock."""
        return int(self._wall() // 3600), int(self.clock.now().timestamp() // 3600)

    def _spend(self, token: str) -> int:
        with self._budget_lock:
            hour, spent = self._spent.get(token, (self._hour(), 0))
            spent = spent + 1 if hour == self._hour() else 1
            self._spent[token] = (self._hour(), spent)
            return spent

    async def _control(self, request: Request) -> Response:
        """Answer the simulated time; set it first (`now`) or advance it (`advance_seconds`)."""
        if request.method == "POST":
            try:
                asked = json.loads(await request.body())
                if "now" in asked:
                    self.clock.set(datetime.fromisoformat(str(asked["now"])))
                else:
                    self.clock.advance(timedelta(seconds=float(asked["advance_seconds"])))
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                return _detail(400, f'expected {{"now": "…+00:00"}} or {{"advance_seconds": 3600}}: {error}')
        return JSONResponse({"now": self.clock.now().isoformat()})


class _Endpoint:
    """One endpoint as an ASGI application, because a reset needs the connection itself."""

    def __init__(
        self, cloud: SimulatedCloud, name: str, answer: Callable[[Request, bytes], Response]
    ) -> None:
        self._cloud = cloud
        self._name = name
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._cloud.respond(self._name, self._answer, Request(scope, receive))
        if response is None:
            scope["state"]["reset"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await response(scope, receive, send)


def _detail(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers=headers)


def _html(status: int) -> Response:
    return Response(_BAD_GATEWAY.replace("502", str(status)), status, media_type="text/html")


async def _unknown_path(request: Request, _error: Exception) -> Response:
    return JSONResponse({"id": request.url.path.rsplit("/", 1)[-1]}, 404)
