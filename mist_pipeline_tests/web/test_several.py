"""Several organisations at one port: who sees and enters which, and that nobody learns of the others."""

import re
from ipaddress import ip_network
from pathlib import Path
from shutil import copytree

import pytest

from mist_pipeline.guard.rules import Rules, names_of
from mist_pipeline.guard.sign_in import AnySignIn, SignIn
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.overview.organisations.reader import Member, Standings, standings_now
from mist_pipeline.web.access import Access, Proxy
from mist_pipeline.web.app import Application, Beside
from mist_pipeline.web.live import Streams
from mist_pipeline.web.several.application import Entrance, SeveralConsoles
from mist_pipeline_tests.support.guard.asgi import Recorder
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import HOST, Client, console_of

RULES = Rules(hosts=names_of("127.0.0.1"), takes_forms=True)
TOKENS = {"acme": "the token of acme people", "globex": "the token of globex people"}
NAMES = {"acme": "<script>alert(1)</script>", "globex": "Globex"}
PROXY = Proxy((ip_network("10.0.0.0/24"),))


def client_of(
    organisation: Organisation,
    accesses: dict[str, Access],
    front: Access,
    *,
    has_read: bool = True,
    **headers: str,
) -> Client:
    """What asks the consoles of organisations that look alike."""
    noted: list[tuple[object, ...]] = []

    def entrance(key: str, access: Access) -> Entrance:
        def make(streams: Streams) -> Application:
            return Application(console_of(organisation, noted, prefix=f"/{key}"), access, streams)

        return Entrance(access, make)

    members = [
        Member(key=key, name=lambda key=key: NAMES[key], overview=organisation.overview) for key in accesses
    ]  # type: ignore[misc]
    standings = Standings(members, lambda: AT)
    if has_read:
        standings.look()
    app = SeveralConsoles(
        {key: entrance(key, one) for key, one in accesses.items()},
        standings,
        lambda: AT,
        left_out=["initech is not served: its file is wrong"],
    )
    return Client(front.guarded(app, RULES), headers=dict(headers), noted=noted)


@pytest.fixture(scope="module")
def for_all(organisation: Organisation) -> Client:
    """Of whoever reaches the loopback address."""
    access = Access(who="anna")
    return client_of(organisation, dict.fromkeys(NAMES, access), access)


def by_token(organisation: Organisation, **headers: str) -> Client:
    signs = {key: SignIn(Secret(token)) for key, token in TOKENS.items()}
    accesses = {key: Access(signing_in=one) for key, one in signs.items()}
    return client_of(organisation, accesses, Access(signing_in=AnySignIn(signs.values())), **headers)


def by_proxy(organisation: Organisation, user: str) -> Client:
    accesses = {"acme": Access(proxy=PROXY, users=frozenset({"anna"})), "globex": Access(proxy=PROXY)}
    client = client_of(organisation, accesses, Access(proxy=PROXY), **{"x-forwarded-user": user})
    client.address = "10.0.0.7"
    return client


def keys(page: str) -> list[str]:
    return re.findall(r'<th scope="row" class="name"><a href="/(\w+)/">', page)


def test_the_list_says_of_each_how_it_stands_and_survives_names(for_all: Client) -> None:
    page = for_all.get("/")
    assert page.status == 200
    assert keys(page.body) == ["acme", "globex"]
    assert "1 incident (1 critical), the worst at Berlin" in page.body
    assert "<script>alert" not in page.body
    assert "&lt;script&gt;alert(1)" in page.body
    assert 'href="/acme/site/site-0"' in page.body
    assert "initech is not served" in page.body
    assert "script-src 'self'" in page.header("content-security-policy")
    assert for_all.get("/?sort=name").status == 400


def test_files_of_each_are_read_and_damaged_ones_are_said(organisation: Organisation, tmp_path: Path) -> None:
    broken, empty = (Organisation(tmp_path / name, ()) for name in ("broken", "empty"))
    copytree(organisation.folder, broken.folder)
    broken.places.live.write_bytes(b"no database")
    members = [
        Member(key=key, name=lambda: "", overview=one.overview)
        for key, one in (("acme", organisation), ("broken", broken), ("empty", empty))
    ]
    by_key = {one.key: one for one in standings_now(members, AT)}
    assert {key: one.is_seen for key, one in by_key.items()} == {
        "acme": True,
        "broken": False,
        "empty": False,
    }
    assert by_key["acme"].sites[0].label == "Berlin"
    assert "cannot be read" in by_key["broken"].verdict.sentence
    assert {one.verdict.level for one in by_key.values()} == {"CRITICAL"}


def test_one_that_is_not_read_yet_is_not_fine(organisation: Organisation) -> None:
    access = Access(who="anna")
    page = client_of(organisation, dict.fromkeys(NAMES, access), access, has_read=False).get("/").body
    assert page.count("not known yet") == 2
    assert "1</b> ok" not in page


PAGES = (
    "/", "/incidents", "/incidents?state=over", "/fleet", "/metrics", "/metric/capacity", "/reports", "/scorecard", "/pipeline",
    "/site/site-0", "/silence", "/search?q=o", "/nowhere",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_every_address_on_a_page_of_one_leads_to_the_same_one(for_all: Client, path: str) -> None:
    page = for_all.get(f"/globex{path}")
    assert page.status in {200, 404}
    found = re.findall(r'(?:href|action|data-events|src)="(/[^"]*)"', page.body)
    assert found
    elsewhere = [one for one in found if not one.startswith(("/globex/", "/assets/"))]
    # Only the way back to the list.
    assert set(elsewhere) == {"/"}


def test_redirects_and_decisions_stay_with_the_organisation(for_all: Client) -> None:
    assert for_all.get("/globex").header("location") == "/globex/"
    assert for_all.get("/globex/search?q=site-0").header("location") == "/globex/site/site-0"
    incident = re.search(r'href="(/globex/incident/\w+)"', for_all.get("/globex/incidents").body)
    assert incident
    form = for_all.get(f"{incident[1]}/acknowledge").body
    token = re.search(r'name="token" value="(\w+)"', form)
    assert token
    other = incident[1].replace("globex", "acme")
    assert for_all.post(f"{other}/acknowledge", {"token": token[1]}).status == 403, "a form of another one"
    done = for_all.post(f"{incident[1]}/acknowledge", {"token": token[1]})
    assert (done.status, done.header("location")) == (303, incident[1])
    assert for_all.noted[-1][:2] == ("acknowledge", "anna")


class TestTokens:
    """A token of its own for each."""

    def test_a_token_opens_its_own_organisation_and_no_other(self, organisation: Organisation) -> None:
        client = by_token(organisation, accept="text/html")
        for path in ("/", "/acme/", "/live", "/nowhere/"):
            assert client.get(path).status == 401
        signed = client.post("/sign-in", {"token": TOKENS["globex"]}, referer=f"http://{HOST}/globex/fleet")
        assert signed.header("location") == "/globex/fleet"
        page = client.get("/")
        assert keys(page.body) == ["globex"]
        assert "initech" not in page.body, "told to those who may enter all"
        assert client.get("/globex/").status == 200
        assert client.post("/sign-in", {"token": TOKENS["acme"]}).status == 303
        assert keys(client.get("/").body) == ["acme", "globex"]

    def test_a_forbidden_one_answers_like_none_at_all(self, organisation: Organisation) -> None:
        client = by_token(organisation, accept="text/html", authorization=f"Bearer {TOKENS['globex']}")
        for path in ("", "/", "/site/site-0", "/live", "/incident/x/acknowledge"):
            forbidden, none = (client.get(f"/{key}{path}") for key in ("acme", "nowhere"))
            assert forbidden.status == none.status == 401
            assert forbidden.body == none.body
        forbidden, none = (client.post(f"/{key}/silence", {"x": "1"}) for key in ("acme", "nowhere"))
        assert forbidden.status == none.status == 404
        assert client.noted == []


class TestProxy:
    """A proxy names people; an organisation says whom it lets in."""

    @pytest.mark.parametrize(("user", "sees"), [("anna", ["acme", "globex"]), ("bela", ["globex"])])
    def test_people_see_and_enter_what_is_open_to_them(
        self, organisation: Organisation, user: str, sees: list[str]
    ) -> None:
        client = by_proxy(organisation, user)
        assert keys(client.get("/").body) == sees
        for key in NAMES:
            assert client.get(f"/{key}/").status == (200 if key in sees else 404)
            assert client.get(f"/{key}").status == (303 if key in sees else 404)

    def test_who_may_enter_none_is_told_so_and_no_name(self, organisation: Organisation) -> None:
        accesses = dict.fromkeys(NAMES, Access(proxy=PROXY, users=frozenset({"anna"})))
        client = client_of(
            organisation, accesses, Access(proxy=PROXY), **{"x-forwarded-user": "Anna", "accept": "text/html"}
        )
        client.address = "10.0.0.7"
        page = client.get("/")
        assert (page.status, "Globex" in page.body) == (403, False)

    def test_the_only_organisation_lets_in_whom_it_names(self, organisation: Organisation) -> None:
        access = Access(proxy=PROXY, users=frozenset({"anna"}))
        app = access.guarded(Application(console_of(organisation, []), access), RULES)
        for user, status in (("anna", 200), ("bela", 403)):
            client = Client(app, headers={"x-forwarded-user": user}, address="10.0.0.7")
            assert client.get("/").status == status


def test_with_one_organisation_the_list_leads_to_it(organisation: Organisation) -> None:
    access = Access(who="anna")
    assert client_of(organisation, {"acme": access}, access).get("/").header("location") == "/acme/"


def test_a_webhook_of_one_is_taken_as_if_it_were_the_only_one(for_all: Client) -> None:
    acme, globex = Recorder(), Recorder()
    client = Client(Beside({"/acme/mist": acme, "/globex/slack": globex}, for_all.app))
    client.post("/acme/mist", {})
    client.post("/globex/slack", {})
    assert client.post("/globex/mist", {}).status == 404
    assert (acme.reached, globex.reached) == (["POST /mist"], ["POST /slack"])


def test_a_cookie_is_sent_by_https_only_where_people_come_by_it(organisation: Organisation) -> None:
    for is_encrypted in (False, True):
        access = Access(signing_in=SignIn(Secret(TOKENS["acme"])), is_encrypted=is_encrypted)
        client = Client(access.guarded(Application(console_of(organisation, []), access), RULES))
        kept = client.post("/sign-in", {"token": TOKENS["acme"]}).header("set-cookie")
        assert ("; Secure" in kept) is is_encrypted
