import contextlib
import http.client
import socket
import threading
import time

import pytest
from loopback_sshd import Proxy, free_port

from zephyr_deploy.errors import ConfigError, CredentialsError, HostKeyError, UnreachableError
from zephyr_deploy.node import NodeConnection, Tunnel

WAIT_S = 15


class Echo:
    """A service that sends back what it gets, until its client has ended; ``cut`` ends at once."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one):
        with one:
            while piece := one.recv(65536):
                if piece == b"bye":
                    return
                one.sendall(piece)
            one.sendall(b"<end>")

    def close(self):
        self._listener.close()


@pytest.fixture
def echo():
    service = Echo()
    yield service
    service.close()


@pytest.fixture
def server(start_sshd):
    return start_sshd()


@pytest.fixture
def connect(server, config, keys):
    route = server.route(server.user_key, config)
    return lambda: NodeConnection.open(route, keys(first_use=True), deadline_s=5)


@pytest.fixture
def heard():
    """States that a tunnel told, and a way to wait for one."""

    class Heard(list):
        def __call__(self, state, detail):
            self.append(state)

        def wait_for(self, state, count=1):
            end = time.monotonic() + WAIT_S
            while self.count(state) < count:
                assert time.monotonic() < end, f"{state} was not heard, but {self}"
                time.sleep(0.01)

    return Heard()


def threads():
    return [one.name for one in threading.enumerate() if one.name.startswith("zephyr-")]


def dial(tunnel):
    return socket.create_connection(("127.0.0.1", tunnel.local_port), timeout=WAIT_S)


def read_all(one):
    pieces = []
    while piece := one.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def test_carries_both_ways_and_ends_each_by_itself(connect, echo):
    with Tunnel(connect, echo.port) as tunnel:
        with dial(tunnel) as one:
            one.sendall(b"hello")
            assert one.recv(99) == b"hello"
            one.shutdown(socket.SHUT_WR)
            assert read_all(one) == b"<end>", "the way back is open still"
        with dial(tunnel) as one:
            one.sendall(b"bye")
            assert read_all(one) == b""
    assert threads() == []


def test_carries_megabytes_whole(connect, echo):
    data = bytes(range(256)) * (16 << 12)
    with Tunnel(connect, echo.port) as tunnel, dial(tunnel) as one:
        sender = threading.Thread(target=lambda: (one.sendall(data), one.shutdown(socket.SHUT_WR)))
        sender.start()
        assert read_all(one) == data + b"<end>"
        sender.join()


def test_many_connections_share_it(connect, echo):
    with Tunnel(connect, echo.port) as tunnel:
        ones = [dial(tunnel) for _ in range(20)]
        for count, one in enumerate(ones):
            one.sendall(b"%d" % count)
        assert [one.recv(9) for one in ones] == [b"%d" % count for count in range(20)]
        for one in ones:
            one.close()


def test_speaks_http_and_keeps_a_connection(connect, tgi):
    with Tunnel(connect, int(tgi.url.rsplit(":", 1)[1])) as tunnel:
        web = http.client.HTTPConnection("127.0.0.1", tunnel.local_port, timeout=WAIT_S)
        for _ in range(3):
            web.request("GET", "/health")
            assert web.getresponse().read() == b""
        web.close()


def test_survives_the_end_of_its_connection(server, connect, echo, heard):
    with Tunnel(connect, echo.port, on_state=heard) as tunnel:
        port = tunnel.local_port
        with dial(tunnel) as cut:
            cut.sendall(b"before")
            assert cut.recv(9) == b"before"
            assert server.kill_connections()
            with pytest.raises(ConnectionResetError):  # not an end: the answer was cut
                cut.recv(9)
        with dial(tunnel) as one:
            one.sendall(b"after")
            assert one.recv(9) == b"after"
        heard.wait_for("reconnected")
        assert (heard, tunnel.local_port) == (["connected", "lost", "reconnected"], port)
    assert threads() == []


def test_waits_for_a_server_that_is_away(server, connect, echo, heard):
    with Tunnel(connect, echo.port, on_state=heard) as tunnel:
        server.stop()
        heard.wait_for("lost")
        with dial(tunnel) as one:
            one.sendall(b"patient")
            time.sleep(0.3)
            server.start()
            assert one.recv(9) == b"patient"
        assert heard == ["connected", "lost", "reconnected"]


def test_a_local_connection_waits_no_longer_than_it_may(server, connect, echo):
    with Tunnel(connect, echo.port, wait_s=0.3) as tunnel:
        server.stop()
        with dial(tunnel) as one:
            assert one.recv(9) == b""


def test_gives_up_in_the_end_and_says_why(server, connect, echo):
    with Tunnel(connect, echo.port, give_up_s=0.5) as tunnel:
        server.stop()
        with pytest.raises(UnreachableError, match="refused the connection"):
            tunnel.wait(WAIT_S)
    assert threads() == []


def test_another_machine_ends_it_at_once(server, start_sshd, connect, echo):
    with Tunnel(connect, echo.port) as tunnel:
        server.stop()
        twin = start_sshd(port=server.port)
        with pytest.raises(HostKeyError, match="shows another host key"):
            tunnel.wait(WAIT_S)
        with dial(tunnel) as one:
            assert one.recv(9) == b"", "nobody waits for what will not come"
        assert "Accepted" not in twin.log.read_text()


def test_a_silent_service_port_is_no_reason_to_wait(connect):
    with Tunnel(connect, free_port()) as tunnel, dial(tunnel) as one:
        start = time.monotonic()
        assert one.recv(9) == b""
        assert time.monotonic() - start < WAIT_S / 2


def test_ends_while_connections_are_open_and_unread(connect, echo):
    with Tunnel(connect, echo.port) as tunnel:
        one = dial(tunnel)
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while one.send(bytes(65536)):
                pass
        time.sleep(0.2)
        start = time.monotonic()
    assert time.monotonic() - start < 5
    assert threads() == []
    one.close()


def test_a_wait_ends_with_its_time_and_with_ctrl_c(connect, echo, monkeypatch):
    with Tunnel(connect, echo.port) as tunnel:
        tunnel.wait(0.05)
        waiting = pytest.raises(KeyboardInterrupt)
        monkeypatch.setattr(tunnel._changed, "wait", lambda _s: (_ for _ in ()).throw(KeyboardInterrupt))
        with waiting:
            tunnel.wait()
        monkeypatch.undo()
    tunnel.wait()


def test_a_taken_port_is_said_before_anything_is_done(connect, echo):
    with (
        pytest.raises(ConfigError, match=f"port {echo.port} of this machine cannot be used"),
        Tunnel(connect, 1, local_port=echo.port),
    ):
        pass


def test_the_first_connection_must_be_made(echo):
    def refuse():
        raise CredentialsError("no key")

    with pytest.raises(CredentialsError), Tunnel(refuse, echo.port):
        pass
    assert threads() == []


def test_hangs_on_no_first_bytes(server, config, keys, echo):
    """Nothing polls on the way of a byte: over 40 ms each way, an answer takes one round trip and little more."""
    with Proxy(server.port, delay_s=0.04) as proxy:
        route = server.route(server.user_key, config).model_copy(update={"port": proxy.port})
        with Tunnel(lambda: NodeConnection.open(route, keys(first_use=True)), echo.port) as tunnel, dial(tunnel) as one:
            took = []
            for _ in range(10):
                start = time.monotonic()
                one.sendall(b"ping")
                one.recv(9)
                took.append(time.monotonic() - start)
    assert 0.08 <= min(took) < 0.12
