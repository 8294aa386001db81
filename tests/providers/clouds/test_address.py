"""This machine's own public address."""

import pytest
from emulators.wire import Wire

from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.providers.clouds import address
from zephyr_deploy.providers.clouds.address import own_network


@pytest.fixture
def page(monkeypatch):
    """A page that answers what it is told to."""
    said = [b"203.0.113.7\n"]

    def app(environ, start):
        start("200 OK", [("Content-Type", "text/plain")])
        return said

    wire = Wire(app, lambda environ, body: environ["PATH_INFO"])
    wire.start()
    monkeypatch.setenv("ZEPHYR_ADDRESS_URL", wire.url)
    wire.said = said
    yield wire
    wire.stop()


def test_it_is_a_network_of_one(page):
    assert own_network() == "203.0.113.7/32"


def test_a_page_that_stumbles_is_asked_again(page):
    page.fault(lost=True, times=2)
    assert own_network() == "203.0.113.7/32"


@pytest.mark.parametrize("text", [b"<html>log in</html>", b"2001:db8::1", b""])
def test_what_is_no_address_opens_nothing(page, text):
    page.said[:] = [text]
    with pytest.raises(UnreachableError, match="does not answer an IPv4 address"):
        own_network()


def test_nobody_says_it(page):
    page.fault(status=503, times=None)
    with pytest.raises(UnreachableError) as error:
        own_network()
    assert "ZEPHYR_ADDRESS_URL" in error.value.hint
    assert len(page.asked) == address.TRIES
