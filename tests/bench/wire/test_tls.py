"""The same through TLS, and a certificate that nobody vouches for."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl

import pytest
from bench.wire.answers import CHUNKED, END, chat, chat_body, chunk
from bench.wire.server import CLOSE, endpoint_at, serving
from bench_asks import asked
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire.client import open_wire
from zephyr_deploy.errors import IncompleteError, UnreachableError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scripted")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return file


def sent(certificate, *answers, prompt="hello"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def inner():
        async with serving(*answers, tls=context) as (server, port):
            async with open_wire(endpoint_at(f"https://127.0.0.1:{port}"), BenchSpec()) as load:
                samples = [await asked(load, prompt, 20) for _ in answers]
                await load.settle()
            return server, samples

    return asyncio.run(inner())


def test_streams_over_one_session(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    paced = [step for piece in chat_body("ü", "b") for step in (chunk(piece), 0.02)]
    answers = [CHUNKED, *paced, END], [chat("x" * 300_000)], [chat("c")]
    server, samples = sent(certificate, *answers, prompt="word " * 20_000)
    assert [(sample.failure, sample.text) for sample in samples] == [(None, "üb"), (None, "x" * 300_000), (None, "c")]
    assert server.connections == 1
    assert samples[0].connect_ns > 0
    assert len({one.at_ns for one in samples[0].events}) == 2
    assert {one.lag_ns is None for one in samples[0].events} == {samples[0].rtt_ns is None}


def test_a_session_that_ends_early_is_a_cut(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server, samples = sent(certificate, [CHUNKED, CLOSE], [chat("a")])
    assert isinstance(samples[0].failure, IncompleteError)
    assert (samples[1].text, server.connections) == ("a", 2)


def test_an_unknown_certificate_is_no_connection(certificate):
    _, (sample,) = sent(certificate, [chat("a")])
    assert isinstance(sample.failure, UnreachableError)
    assert "certificate" in sample.failure.message.lower()
