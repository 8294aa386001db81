"""What the emulator does as the API does it, where our own provider does not go; the rest: tests/providers/e2e."""

from __future__ import annotations

import httpx
import pytest
from emulators.e2e import E2eEmulator
from emulators.e2e.catalog import ROWS
from emulators.e2e.emulator import API_KEY, AUTH_TOKEN, PROJECT

SCOPE = {"apikey": API_KEY, "project_id": PROJECT, "location": "Delhi"}
ROW = ROWS[1]
ORDER = {
    "name": "demo-node",
    "plan": ROW["plan"],
    "image": ROW["image"],
    "ssh_keys": ["ssh-ed25519 AAAA me"],
    "number_of_instances": 1,
}


@pytest.fixture(scope="module")
def server():
    emulator = E2eEmulator()
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def api(server):
    headers = {"Authorization": f"Bearer {AUTH_TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers, params=SCOPE, trust_env=False) as client:
        yield client
    server.reset()


@pytest.fixture
def node(api):
    """A node that runs, as its details are."""
    made = api.post("/nodes/", json=ORDER).json()["data"]["node_create_response"][0]
    assert made["status"] == "Creating"
    for _ in range(2):
        shown = api.get(f"/nodes/{made['id']}/").json()["data"]
    assert shown["status"] == "Running"
    return shown


def act(api, node, kind, **more):
    return api.put(f"/nodes/{node['id']}/actions/", json={"type": kind, **more})


def group(api, name="g"):
    rule = {"rule_type": "Inbound", "protocol_name": "Custom_TCP", "port_range": "22", "network": "any"}
    assert api.post("/security_group/", json={"name": name, "rules": [rule]}).json()["data"].keys() == {
        "label_id",
        "resource_type",
    }
    pages = api.get("/security_group/").json()["data"]
    return next(row["id"] for row in pages if row["name"] == name)


def test_answers_have_the_envelope(api):
    body = api.get("/nodes/").json()

    assert (body["code"], body["data"], body["errors"]) == (200, [], {})
    assert (body["total_count"], body["total_page_number"]) == (0, 1)


@pytest.mark.parametrize("without", ["apikey", "project_id", "location"])
def test_every_part_of_the_scope_is_asked_for(server, without):
    params = {name: value for name, value in SCOPE.items() if name != without}
    answer = httpx.get(
        f"{server.url}/nodes/", params=params, headers={"Authorization": f"Bearer {AUTH_TOKEN}"}, trust_env=False
    )

    assert answer.status_code == (401 if without == "apikey" else 412)


def test_a_path_without_its_slash_is_a_page(api):
    answer = api.post("/nodes", json=ORDER)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"name": "n" * 51},
        {"plan": ROW["name"]},
        {"image": ROWS[0]["image"]},
        {"ssh_keys": [{"label": "me", "ssh_key": "ssh-ed25519 AAAA"}]},
        {"security_group_id": 1},
    ],
)
def test_an_order_that_is_wrong_is_refused_with_412(api, wrong):
    answer = api.post("/nodes/", json={**ORDER, **wrong})

    assert answer.status_code == answer.json()["code"] == 412
    assert answer.json()["errors"]["detail"]


def test_one_name_twice_is_two_nodes(api):
    for _ in range(2):
        api.post("/nodes/", json=ORDER)

    assert [row["name"] for row in api.get("/nodes/").json()["data"]] == ["demo-node"] * 2


def test_actions_are_put(api, node):
    assert api.post(f"/nodes/{node['id']}/actions/", json={"type": "power_off"}).status_code == 405
    assert act(api, node, "power_off").json()["data"]["status"] == "In Progress"
    assert api.get(f"/nodes/{node['id']}/").json()["data"]["status"] == "Powered off"


def test_states_guard_actions(api, node, server):
    assert act(api, node, "reboot").status_code == 200
    act(api, node, "power_off")
    assert act(api, node, "reboot").status_code == 412
    act(api, node, "power_on")
    act(api, node, "lock_vm")
    assert act(api, node, "power_off").status_code == 412
    assert api.delete(f"/nodes/{node['id']}/").status_code == 412
    act(api, node, "unlock_vm")
    server.store.nodes[node["id"]].looks = 1
    assert act(api, node, "power_off").json()["message"] == "Node in Creating state"


def test_groups_are_attached_by_the_vm(api, node):
    number = group(api)
    body = {"security_group_ids": [number]}
    assert node["vm_id"] != node["id"]
    assert api.post(f"/security_group/{node['id']}/attach/", json=body).status_code == 404
    assert api.post(f"/security_group/{node['vm_id']}/attach/", json=body).status_code == 200
    assert api.delete(f"/security_group/{number}/").status_code == 412


def test_a_node_keeps_a_group(api, node, server):
    (default,) = server.store.nodes[node["id"]].groups
    detach = f"/security_group/{node['vm_id']}/detach/"
    assert api.post(detach, json={"security_group_ids": [default]}).status_code == 412
    api.post(f"/security_group/{node['vm_id']}/attach/", json={"security_group_ids": [group(api)]})
    assert api.post(detach, json={"security_group_ids": [default]}).status_code == 200


def test_a_key_is_there_once_whatever_its_comment(api):
    for text, status in (("ssh-ed25519 AAAA me", 200), ("ssh-ed25519 AAAA other", 412)):
        answer = api.post("/ssh_keys/", json={"label": "me", "ssh_key": text})
        assert answer.status_code == status
    assert answer.json()["message"] == "You cannot add the same key again"


def test_what_is_left_is_what_is_called_ours(api, server):
    for name in ("web", "zd-demo-0123abcd"):
        api.post("/nodes/", json={**ORDER, "name": name})

    assert server.left() == ["node zd-demo-0123abcd"]
