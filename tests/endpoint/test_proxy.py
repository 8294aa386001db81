from __future__ import annotations

from zephyr_deploy.endpoint.proxy import proxy_for


def test_a_proxy_of_the_users_is_taken_except_for_this_machine(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example.org")

    assert proxy_for("https://api.e2enetworks.com/myaccount/api/v1") == "http://proxy.example.org:3128"
    assert proxy_for("https://127.0.0.1/myaccount/api/v1") is None
    assert proxy_for("https://internal.example.org/myaccount/api/v1") is None
