"""A machine that its cloud takes back: what it hears of that, and what it does."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zephyr_deploy.agent import expiry, interruption
from zephyr_deploy.agent.interruption import Metadata, look

NOTICE = {"action": "terminate", "time": "2026-11-26T14:03:00Z"}


class Service:
    """EC2's instance metadata service, version 2, as far as the notice goes."""

    def __init__(self):
        self.notice, self.tokens, self.asked = None, 0, []
        self.status = 404

    def answer(self, method, path, headers):
        self.asked.append(f"{method} {path}")
        if (method, path) == ("PUT", "/latest/api/token"):
            if headers["X-aws-ec2-metadata-token-ttl-seconds"] != "21600":
                return 400, ""
            self.tokens += 1
            return 200, f"token-{self.tokens}"
        if headers["X-aws-ec2-metadata-token"] != f"token-{self.tokens}":
            return 401, ""
        if path != "/latest/meta-data/spot/instance-action" or self.notice is None:
            return self.status, "not found"
        return 200, self.notice if isinstance(self.notice, str) else json.dumps(self.notice)


@contextmanager
def serving(service):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = service.answer(self.command, self.path, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_PUT(self):
            self.do_GET()

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def machine(service, tmp_path, monkeypatch):
    """One that asks that service; what systemctl is told on it is in ``told``."""
    (tmp_path / "run").mkdir()
    told = []
    monkeypatch.setattr(interruption.subprocess, "call", lambda command, timeout: told.append(command))
    monkeypatch.setattr(expiry, "NOTICE", tmp_path / interruption.NOTICE)
    with serving(service) as url:
        found = Machine(tmp_path, Metadata(url))
        found.told = told
        yield found


class Machine:
    def __init__(self, root, metadata):
        self.root, self.metadata, self.notice = root, metadata, None

    def look(self):
        self.notice = look(self.root, self.metadata, self.notice)
        return self.notice


def test_both_programs_mean_the_same_file():
    assert str(expiry.NOTICE) == f"/{interruption.NOTICE}"


def test_without_a_notice_nothing_happens(machine, service):
    assert machine.look() is None
    assert machine.look() is None
    assert machine.told == []
    assert expiry.taken_back() is None
    assert service.asked.count("PUT /latest/api/token") == 1, "one token for many questions"


def test_a_notice_is_written_down_and_told_once_and_no_new_request_begins(machine, service, capsys):
    service.notice = NOTICE
    assert machine.look() == NOTICE
    assert expiry.taken_back() == NOTICE
    assert machine.look() == NOTICE
    assert capsys.readouterr().out == (
        "The cloud takes this machine back (terminate) at 2026-11-26T14:03:00Z. It takes no new request.\n"
    )
    assert machine.told == [["systemctl", "stop", "--no-block", "zephyr-*-gateway.service"]] * 2


def test_what_was_heard_once_holds_though_the_service_ends(machine, service):
    service.notice = NOTICE
    machine.look()
    service.notice, service.status = None, 503
    assert machine.look() == NOTICE


def test_a_token_that_is_over_is_had_anew(machine, service):
    machine.look()
    service.tokens += 1
    service.notice = NOTICE
    assert machine.look() is None
    assert machine.look() == NOTICE


@pytest.mark.parametrize("text", ["", "[]", "<html>", '{"time": "x"}'])
def test_what_is_no_notice_is_none(machine, service, text):
    service.notice = text
    assert machine.look() is None


def test_nobody_answers(tmp_path):
    assert look(tmp_path, Metadata("http://127.0.0.1:9"), None) is None


def test_a_service_that_hangs_does_not_hold_it_up(monkeypatch, tmp_path):
    monkeypatch.setattr(interruption, "ANSWER_S", 0.05)
    hung, service = threading.Event(), Service()
    service.answer = lambda *_asked: (hung.wait(5), (404, ""))[1]
    with serving(service) as url:
        assert look(tmp_path, Metadata(url), None) is None
        hung.set()


def test_a_disk_that_is_full_does_not_keep_it_from_draining(machine, service, capsys):
    (machine.root / "run").rmdir()
    service.notice = NOTICE
    assert machine.look() == NOTICE
    assert "cannot be written: No such file or directory" in capsys.readouterr().out
    assert len(machine.told) == 1


def test_what_the_machine_says(machine, service):
    assert expiry.taken_back_words() == ""
    service.notice = NOTICE
    machine.look()
    assert expiry.taken_back_words() == "its cloud takes it back at 14:03 UTC; it takes no new request"
