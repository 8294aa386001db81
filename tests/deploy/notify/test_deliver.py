"""Messages arrive at a real server; where they do not, it is said why, and no word of the address."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from deploy.notify.receiver import CUTS, DRIPS, HANGS, PATH, SECRET, receiving

from zephyr_deploy.deploy.notify.deliver import Patience, deliver
from zephyr_deploy.deploy.notify.signature import signed
from zephyr_deploy.errors import CredentialsError, UnreachableError
from zephyr_deploy.spec.deployment import Notify
from zephyr_deploy.spec.secret import Secret

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
QUICK = Patience(pause_s=0.01, timeout_s=0.3, deadline_s=10.0)


@pytest.fixture
def told(monkeypatch, message):
    """Deliver the message to these addresses."""

    def tell(slack=None, webhook=None, key=None, patience=QUICK, **more):
        given = {"slack_from": slack, "webhook_from": webhook, "secret_from": key}
        for name, value in given.items():
            if value is not None:
                monkeypatch.setenv(name.upper(), value)
        sources = {name: f"env:{name.upper()}" for name, value in given.items() if value is not None}
        deliver(message, Notify(**sources, **more), patience)

    return tell


@pytest.fixture
def failed(told, caplog):
    """Why it did not arrive; nothing that is said or logged has the secret of the address."""

    def tell(kind=UnreachableError, **given):
        with caplog.at_level(logging.DEBUG), pytest.raises(kind) as caught:
            told(**given)
        error = caught.value
        chain = [error, error.__cause__, error.__context__]
        for text in (*map(str, chain), str(error.hint), str(error.details), caplog.text):
            assert SECRET not in text
            assert PATH not in text
        return error.message

    return tell


def test_both_are_told_each_in_its_own_form(told):
    with receiving() as slack, receiving() as webhook:
        told(slack=slack.address, webhook=webhook.address, key=KEY)
    assert slack.bodies[0]["text"].startswith(":x: redeploy of demo failed.")
    ((headers, body),) = webhook.got
    assert webhook.bodies[0]["type"] == "failed"
    assert (headers["path"], headers["content-type"]) == (PATH, "application/json")
    at = int(headers["webhook-timestamp"])
    assert abs(at - time.time()) < 60
    assert signed(body, headers["webhook-id"], at, Secret(KEY))["webhook-signature"] == headers["webhook-signature"]
    assert not any(name.startswith("webhook-") for name in slack.got[0][0])


def test_nobody_is_told_of_what_they_do_not_want_to_hear(told):
    with receiving() as slack:
        told(slack=slack.address, events=("deployed",))
        assert slack.got == []
    told()


@pytest.mark.parametrize("first", [500, 503, 429, 408, CUTS, HANGS, (503, {"Retry-After": "0"})])
def test_what_may_pass_is_tried_again_with_the_same_id(told, first):
    with receiving(first, 502, 204) as webhook:
        told(webhook=webhook.address, key=KEY)
    assert len(webhook.got) == 3
    assert len({headers["webhook-id"] for headers, _body in webhook.got}) == 1
    assert len({body for _headers, body in webhook.got}) == 1


def test_after_three_attempts_it_is_given_up(failed):
    with receiving(500) as slack:
        assert failed(slack=slack.address) == "slack was not told: it answered 500"
    assert len(slack.got) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_pass_is_not_tried_again(failed, status):
    with receiving(status) as slack:
        assert failed(slack=slack.address) == f"slack was not told: it answered {status}"
    assert len(slack.got) == 1


def test_nobody_is_followed_elsewhere(failed):
    with receiving() as other, receiving((307, {"Location": other.address})) as slack:  # it repeats the address
        assert "it answered 307, elsewhere" in failed(slack=slack.address)
    assert other.got == []


@pytest.mark.parametrize("answer", [HANGS, DRIPS])
def test_a_server_that_never_ends_its_answer_keeps_nobody(failed, answer):
    start = time.monotonic()
    with receiving(answer) as slack:
        said = failed(slack=slack.address, patience=Patience(timeout_s=30.0, deadline_s=0.5))
    assert said == "slack was not told: no answer within 0.5 s"
    assert time.monotonic() - start < 20


def test_one_that_is_slow_does_not_keep_the_other(told):
    with receiving(HANGS) as slack, receiving() as webhook:
        with pytest.raises(UnreachableError, match=r"slack was not told: it was silent for 0\.3 s"):
            told(slack=slack.address, webhook=webhook.address)
        assert len(webhook.got) == 1


def test_where_nobody_listens(failed):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        said = failed(slack=f"http://127.0.0.1:{closed.getsockname()[1]}{PATH}")
    assert said == "slack was not told: the connection failed (ConnectError)"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", "xn--a.invalid"])
def test_a_host_that_there_is_not(failed, host):
    said = failed(slack=f"https://{host}{PATH}")
    assert said.startswith("slack was not told: ")
    assert host not in said


def _certificate(folder, names, *, life=datetime.timedelta(days=1)):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    public = built.public_bytes(pem)
    (folder / "ca.pem").write_bytes(public)
    (folder / "both.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def test_through_tls_that_is_checked(told, tmp_path, monkeypatch):
    with receiving(tls=_certificate(tmp_path, [HERE])) as slack:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        told(slack=slack.address)
    assert len(slack.got) == 1


@pytest.mark.parametrize(
    ("why", "names", "life"),
    [
        ("self-signed certificate", [HERE], 1),
        ("certificate has expired", [HERE], -1),
        ("ip address mismatch", [x509.DNSName("somebody.example.org")], 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
class TestACertificateThatIsNotGood:
    @pytest.fixture
    def server(self, tmp_path, monkeypatch, why, names, life):
        with receiving(tls=_certificate(tmp_path, names, life=datetime.timedelta(days=life))) as slack:
            if why != "self-signed certificate":
                monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            yield slack

    def test_is_not_taken(self, failed, server, why):
        said = failed(slack=server.address)
        assert said == f"slack was not told: its certificate is not good: {why}"
        assert server.got == []

    def test_is_not_taken_either_where_the_scheme_is_in_capitals(self, failed, server, why):
        said = failed(slack=server.address.replace("https:", "HTTPS:"))
        assert said == f"slack was not told: its certificate is not good: {why}"
        assert server.got == []


def test_where_no_tls_is_spoken(failed):
    with receiving() as slack:
        said = failed(slack=slack.address.replace("http:", "https:"))
    assert "it speaks no TLS that is understood" in said


@pytest.mark.parametrize(
    "address",
    [
        f"http://hooks.example.org{PATH}",
        f"ftp://127.0.0.1{PATH}",
        f"https://{PATH}",
        f"https://host:port{PATH}",
        f"https://[::1{PATH}",
        f"https://host{PATH} x",
        f"https://host{PATH}\tx",
        SECRET,
    ],
)
def test_what_is_no_address_for_a_secret_is_refused(failed, address):
    said = failed(CredentialsError, slack=address)
    assert "notify.slack_from: what env:SLACK_FROM gives is no address that may be posted to" in said


def test_that_one_is_not_there_does_not_keep_the_other(told):
    with receiving() as webhook:
        with pytest.raises(CredentialsError, match=r"notify\.slack_from: env:SLACK_FROM gives nothing"):
            told(slack="", webhook=webhook.address)
        assert len(webhook.got) == 1


def test_a_proxy_of_an_unknown_kind_is_said(failed, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks9://127.0.0.1:1")
    assert "the address, or the proxy, is none" in failed(slack=f"https://hooks.example.org{PATH}")
