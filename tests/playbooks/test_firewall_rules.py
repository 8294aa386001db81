"""The firewall's rules: SSH by the port that we came by, then what was asked for."""

import os
import shutil
import subprocess

import pytest

CASES = {
    "SSH only": {"prepare_found": {"ssh_port": 2222}},
    "local": {"prepare_found": {"ssh_port": 0}},
    "ports": {
        "prepare_found": {"ssh_port": 22},
        "prepare_open_ports": "443,8443",
        "prepare_open_cidrs": "10.0.0.0/8,2001:db8::/32",
    },
}


@pytest.fixture(scope="module")
def said(ansible):
    return dict(zip(CASES, ansible.render("firewall/templates/firewall.nft.j2", list(CASES.values())), strict=True))


def test_ssh_stays_open_by_the_port_it_came_by(said):
    assert "tcp dport 2222 accept" in said["SSH only"]
    assert "tcp dport 22 accept" in said["local"]
    assert "saddr" not in said["SSH only"]


def test_connections_that_exist_come_before_everything(said):
    first = said["ports"].split("policy drop;")[1].split("\n")[1]
    assert first.strip() == "ct state established,related accept"


def test_ports_are_open_to_the_named_networks_only(said):
    assert "ip saddr { 10.0.0.0/8 } tcp dport { 443, 8443 } accept" in said["ports"]
    assert "ip6 saddr { 2001:db8::/32 } tcp dport { 443, 8443 } accept" in said["ports"]


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nft") is None, reason="nft checks rules for root only")
@pytest.mark.parametrize("case", CASES)
def test_nft_accepts_them(said, case, tmp_path):
    if subprocess.run(["nft", "list", "tables"], capture_output=True, check=False, timeout=20).returncode:
        pytest.skip("this kernel has no nftables for us")
    rules = tmp_path / "rules.nft"
    rules.write_text(said[case])
    done = subprocess.run(["nft", "--check", "--file", rules], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
