import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zephyr_deploy.node
from zephyr_deploy.errors import UsageError
from zephyr_deploy.node import NodeAddress
from zephyr_deploy.node.address import known_name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("node", ("node", None, None)),
        ("user@node:2222", ("node", "user", 2222)),
        ("user@realm@node", ("node", "user@realm", None)),
        ("203.0.113.7:22", ("203.0.113.7", None, 22)),
        ("[2001:db8::1]:22", ("2001:db8::1", None, 22)),
        ("[::1]", ("::1", None, None)),
        ("root@::1", ("::1", "root", None)),
        ("fe80::1%eth0", ("fe80::1%eth0", None, None)),
        (r"CORP\me@node", ("node", r"CORP\me", None)),
    ],
)
def test_reads_an_address(text, parts):
    address = NodeAddress.parse(text)
    assert (address.host, address.user, address.port) == parts
    assert NodeAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "@", "@node", "a@", ":22", "node:", "node:0", "node:65536", "node:x", "[::1", "[]:22", "[::1]x", "-oX=x",
     "-l@node", "node:\u0661", "a b", "node\n", "u ser@node", "node/x"],
)  # fmt: skip
def test_refuses_what_is_none(text):
    with pytest.raises(UsageError, match="no address of a machine"):
        NodeAddress.parse(text)


@given(st.text())
def test_whatever_is_read_stays_one_word_and_no_option(text):
    try:
        address = NodeAddress.parse(text)
    except UsageError:
        return
    for word in filter(None, (address.host, address.user)):
        assert not word.startswith("-")
        assert len(word.split()) == 1


def test_names_machines_as_ssh_does():
    assert known_name("Node", 22) == "node"
    assert known_name("Node", 2222) == "[node]:2222"


def test_every_name_of_the_package_is_there():
    assert all(
        getattr(zephyr_deploy.node, name).__name__ == name or name == "resolve" for name in zephyr_deploy.node.__all__
    )
    assert set(zephyr_deploy.node.__all__) == set(zephyr_deploy.node._HOMES)
    with pytest.raises(AttributeError):
        zephyr_deploy.node.missing  # noqa: B018


def test_fabric_and_paramiko_are_loaded_by_a_connection_alone():
    code = (
        "import sys\nfrom zephyr_deploy.node import *\nfrom zephyr_deploy.node import NodeAddress, HostKeys, add_host\n"
        "sys.exit(bool({'paramiko', 'fabric', 'invoke.config'} & set(sys.modules)))"
    ).replace("from zephyr_deploy.node import *\n", "")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_other_module_of_the_product_knows_them():
    root = Path(zephyr_deploy.node.__file__).parents[1]
    users = [
        path
        for path in root.rglob("*.py")
        if "import paramiko" in path.read_text() or "import fabric" in path.read_text()
    ]
    assert {path.parent.name for path in users} == {"node"}
