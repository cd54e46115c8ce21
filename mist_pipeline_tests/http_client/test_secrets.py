"""Secrets do not show themselves, and are taken out of what others say."""

import pytest

from mist_pipeline.http_client.secrets import Secret, Secrets, secrets_of

HOOK = Secret("https://hooks.example.com/services/T0000000000/s3cr3t+s3cr3t?a=1&token=abc%20defgh=")


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("t0ken")
    assert "t0ken" not in f"{secret} {secret!r} {[secret]} {Secrets([secret])!r}"


def test_the_longest_secret_goes_first_so_that_nothing_of_it_is_left() -> None:
    assert Secrets([Secret("key"), Secret("key-and-more")]).hide("key-and-more, key") == "***, ***"


def test_an_empty_secret_hides_nothing() -> None:
    assert Secrets([Secret("")]).hide("text") == "text"


@pytest.mark.parametrize(
    "said",
    [
        "s3cr3t+s3cr3t",
        "s3cr3t s3cr3t",
        "abc%20defgh=",
        "abc defgh=",
        "/services/T0000000000/",
        "token=abc%20defgh=",
        HOOK.reveal(),
    ],
)
def test_every_part_of_an_address_that_may_be_a_key_is_hidden(said: str) -> None:
    hidden = Secrets(secrets_of(HOOK)).hide(f"bad request: {said}")
    assert not [part for part in ("s3cr3t", "T0000000000", "defgh") if part in hidden]


def test_host_and_short_words_stay_readable() -> None:
    assert Secrets(secrets_of(HOOK)).hide("hooks.example.com: a is 1") == "hooks.example.com: a is 1"


def test_in_an_address_without_a_host_every_word_may_be_a_key() -> None:
    url = Secret("msteams://Abcd@efgh:ij%2Fkl/x/")
    hidden = Secrets(secrets_of(url, is_host_secret=True)).hide("Abcd efgh ij/kl ij%2Fkl x")
    assert hidden == "*** *** *** *** x"
