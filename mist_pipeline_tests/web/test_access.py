"""Who may come in, and in whose name they decide."""

import re
from ipaddress import ip_network

import pytest

from mist_pipeline.guard.rules import Rules, names_of
from mist_pipeline.guard.sign_in import SignIn
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.web.access import Access, Proxy
from mist_pipeline.web.app import Application
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import HOST, Client, console_of

pytestmark = pytest.mark.slow

RULES = Rules(hosts=names_of("127.0.0.1"), takes_forms=True)
TOKEN = "a token that nobody guesses"


def client_with(organisation: Organisation, access: Access, **headers: str) -> Client:
    noted: list[tuple[object, ...]] = []
    app = access.guarded(Application(console_of(organisation, noted), access), RULES)
    return Client(
        app, headers={name.replace("_", "-"): value for name, value in headers.items()}, noted=noted
    )


@pytest.fixture(scope="module")
def deciding(organisation: Organisation) -> str:
    """Address of the page on which Berlin's incident is taken."""
    _source, (incident,) = organisation.overview().incidents(AT)
    return f"/incident/{incident.incident_id}/acknowledge"


def token(page: str) -> str:
    found = re.search(r'name="token" value="(\w+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("host", ["evil.example:8601", "127.0.0.1.evil.example"])
def test_a_foreign_name_is_not_answered(organisation: Organisation, host: str) -> None:
    assert client_with(organisation, Access(who="anna"), host=host).get("/").status == 421


def test_a_foreign_page_cannot_send_a_form_not_even_with_a_good_token(
    organisation: Organisation, deciding: str
) -> None:
    client = client_with(organisation, Access(who="anna"))
    sent = {"token": token(client.get(deciding).body)}
    assert client.post(deciding, sent, origin="http://evil.example").status == 403
    assert client.post(deciding, sent, sec_fetch_site="cross-site").status == 403
    assert client.noted == []
    assert client.post(deciding, sent, origin=f"http://{HOST}").status == 303


class TestToken:
    """A token that people share: they say themselves who they are."""

    def test_nobody_comes_in_without_it(self, organisation: Organisation) -> None:
        client = client_with(organisation, Access(signing_in=SignIn(Secret(TOKEN))))
        for address in ("/", "/live", "/assets/x/console.css"):
            assert client.get(address).status == 401
        page = "/incident/3f2a?x=1"
        wrong = client.post("/sign-in", {"token": "a wrong one"}, referer=f"http://{HOST}{page}")
        assert (wrong.status, "This is not the token." in wrong.body) == (401, True)
        assert f'name="before" value="{page}"' in wrong.body
        for kept, then in ((page, page), ("//elsewhere.example", "/"), ("http://elsewhere.example/x", "/")):
            again = Client(client.app).post(
                "/sign-in", {"token": TOKEN, "before": kept}, referer=f"http://{HOST}/sign-in"
            )
            assert (again.status, again.header("location")) == (303, then)
        signed_in = client.post("/sign-in", {"token": TOKEN}, referer=f"http://{HOST}{page}")
        assert (signed_in.status, signed_in.header("location")) == (303, page)
        assert client.get("/").status == 200

    def test_a_decision_needs_a_name_which_is_remembered(
        self, organisation: Organisation, deciding: str
    ) -> None:
        client = client_with(
            organisation, Access(signing_in=SignIn(Secret(TOKEN))), authorization=f"Bearer {TOKEN}"
        )
        sent = {"token": token(client.get(deciding).body)}
        refused = client.post(deciding, {**sent, "by": " "})
        assert (refused.status, "say who you are" in refused.body) == (409, True)
        assert client.noted == []
        assert client.post(deciding, {**sent, "by": 'Jörg <b>"'}).status == 303
        assert client.noted[0][1] == 'Jörg <b>"'
        assert 'value="Jörg &lt;b&gt;&#34;"' in client.get(deciding).body


class TestProxy:
    """A proxy that knows who people are."""

    ACCESS = Access(proxy=Proxy((ip_network("10.0.0.0/24"), ip_network("::1"))))

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("10.0.0.7", 200),
            ("::ffff:10.0.0.7", 200),
            ("::1", 200),
            ("10.0.1.7", 403),
            ("127.0.0.1", 403),
            ("", 403),
        ],
    )
    def test_only_listed_addresses_are_believed(
        self, organisation: Organisation, address: str, status: int
    ) -> None:
        client = client_with(organisation, self.ACCESS, x_forwarded_user="anna")
        client.address = address
        assert client.get("/").status == status

    def test_whom_the_proxy_names_decides(self, organisation: Organisation, deciding: str) -> None:
        client = client_with(organisation, self.ACCESS, x_forwarded_user="anna")
        client.address = "10.0.0.7"
        sent = {"token": token(client.get(deciding).body), "by": "somebody else"}
        assert client.post(deciding, sent, x_forwarded_user="bela").status == 403, "the form is anna's"
        assert client.post(deciding, sent).status == 303
        assert [one[1] for one in client.noted] == ["anna"]

    def test_who_is_not_named_is_not_let_in(self, organisation: Organisation) -> None:
        client = client_with(organisation, self.ACCESS)
        client.address = "10.0.0.7"
        assert client.get("/").status == 401
        assert client.get("/", x_forwarded_user=" \x01 ").status == 401
