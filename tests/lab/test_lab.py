"""The lab itself: nodes boot, let in who should come in, pull, serve real tokens, and break as they are told."""

import subprocess

from lab.boot import NodeSpec


def ssh(node, command, *, user=None):
    """As OpenSSH does it, with the node's key pinned."""
    known = node.key.with_suffix(".known")
    known.write_text(f"{node.address} {node.host_key}\n")
    options = [f"-oUserKnownHostsFile={known}", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes", "-oConnectTimeout=10"]
    args = ["ssh", "-F/dev/null", *options, f"-i{node.key}", f"{user or node.user}@{node.address}", command]
    return subprocess.run(args, capture_output=True, text=True, timeout=30, check=False)


def test_two_nodes_boot_side_by_side_and_let_their_user_in(node_factory):
    nodes = node_factory.many(NodeSpec(), NodeSpec(docker=False))
    assert len({node.address for node in nodes}) == len({node.host_key_fingerprint for node in nodes}) == 2
    for node in nodes:
        assert ssh(node, "sudo id -un").stdout.strip() == "root"
        assert ssh(node, "id -un", user="root").stdout.strip() == "root"
        assert node.exec("systemctl is-system-running --wait").stdout.strip() == "running"
    with_docker, bare = nodes
    assert with_docker.exec("docker info").returncode == 0
    assert bare.exec("command -v docker", check=False).returncode != 0
