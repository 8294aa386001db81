"""`redeploy` where nothing changed, against Ansible and pyinfra on the same end state: seconds, and the ratio to ours.

A real machine of the lab serves; each tool is then asked, in turn, to bring it to what it is already: the files of the
release with content and mode, two units that run and start at boot, and one generation. Ansible has no facts to gather
and pipelining on, which is the fastest that it offers; pyinfra has a virtual environment of its own, because it wants
another paramiko. The round trip is that of a relay in user space, measured, too.

Usage: python benchmarks/noop_redeploy.py [--rounds 3] [--rtt-ms 0 50] [--limit 0.5]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lab_node import nodes, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.node import Node

HERE = Path(__file__).resolve().parent
PYINFRA = "pyinfra>=3.5"
TIMEOUT_S = 300


def run(command: list[str], env: dict[str, str] | None = None) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds of the children, and all that was printed; ends the benchmark where it failed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, done.stdout + done.stderr


def ours(folder: Path, host: str, port: int) -> Callable[[], tuple[float, float]]:
    """`redeploy` with the record pointed at this address, as after a change of the network."""
    record = folder / "state/deployments/zephyr/nodes.json"
    text = record.read_text()

    def once() -> tuple[float, float]:
        import json

        noted = json.loads(text)
        noted["nodes"][0].update(host=host, port=port)
        record.write_text(json.dumps(noted))
        known = next(line for line in (record.parent / "known_hosts").read_text().splitlines() if line)
        (record.parent / "known_hosts").write_text(f"{known}\n")
        seconds, cpu, printed = run([tool(), "redeploy", "--output", "json"])
        if '"changed": false' not in printed:
            sys.exit(f"redeploy changed something:\n{printed}")
        return seconds, cpu

    return once


def end_state(node: Node, folder: Path) -> dict[str, object]:
    """What is on the node, as lists that the two templates take; the files' content lies in ``folder``."""
    release = node.exec("ls /opt/zephyr-deploy/zephyr/releases").stdout.split()[0]
    home = f"/opt/zephyr-deploy/zephyr/releases/{release}"
    unit = f"zephyr-zephyr@{release}.service"
    paths = [f"{home}/{name}" for name in node.exec(f"ls {home}").stdout.split()]
    paths += [f"/etc/systemd/system/{unit}", "/run/zephyr-deploy/zephyr/api_key"]
    files = []
    for number, path in enumerate(paths):
        source = folder / f"file{number}"
        source.write_text(node.exec(f"cat {path}").stdout)
        files.append(
            {"src": str(source), "dest": path, "mode": node.exec(f"stat -c %a {path}").stdout.strip().zfill(4)}
        )
    port = node.exec(f"sed -n s/ZEPHYR_PORT=//p /opt/zephyr-deploy/zephyr/ports/{release}.env").stdout.strip()
    folders = ["/opt/zephyr-deploy/zephyr", home, "/var/lib/zephyr-deploy/data"]
    return {"files": files, "folders": folders, "units": [unit, "zephyr-zephyr-gateway.service"], "port": port}


def rendered(name: str, folder: Path, state: dict[str, object]) -> Path:
    """A template of this benchmark's, rendered into ``folder``."""
    environment = Environment(loader=FileSystemLoader(HERE / "noop"), undefined=StrictUndefined, autoescape=False)
    path = folder / name
    path.write_text(environment.get_template(f"{name}.jinja").render(state) + "\n")
    return path


def ansible(folder: Path, node: Node, host: str, port: int) -> Callable[[], tuple[float, float]]:
    """The playbook, by a connection of its own each time."""
    inventory = folder / f"hosts-{port}.ini"
    options = f"-o UserKnownHostsFile={folder}/known -o StrictHostKeyChecking=yes -o HostKeyAlias=node"
    inventory.write_text(
        f"node ansible_host={host} ansible_port={port} ansible_user=ubuntu ansible_ssh_private_key_file={node.key} "
        f"ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='{options} -o ControlPath=none'\n"
    )
    (folder / "known").write_text(f"node {node.host_key}\n")
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(inventory),
        str(folder / "deploy.yml"),
    ]

    def once() -> tuple[float, float]:
        seconds, cpu, printed = run(
            command, {"ANSIBLE_PIPELINING": "1", "ANSIBLE_HOST_KEY_CHECKING": "1", "ANSIBLE_NOCOLOR": "1"}
        )
        if "changed=0" not in printed:
            sys.exit(f"Ansible changed something:\n{printed}")
        return seconds, cpu

    return once


def pyinfra(folder: Path, node: Node, host: str, port: int) -> Callable[[], tuple[float, float]]:
    """The operations, in a virtual environment made when it is missing."""
    program = Path(os.environ["ZEPHYR_CACHE_DIR"]) / "pyinfra"
    if not program.exists():
        venv.create(program, with_pip=True)
        run([str(program / "bin/pip"), "install", "--quiet", PYINFRA])
    (folder / ".ssh").mkdir(exist_ok=True)
    (folder / ".ssh/known_hosts").touch()
    where = [
        "--user",
        "ubuntu",
        "--port",
        str(port),
        "--key",
        str(node.key),
        "--data",
        "ssh_strict_host_key_checking=accept-new",
    ]
    command = [str(program / "bin/pyinfra"), "-y", *where, host, str(folder / "deploy.py")]

    def once() -> tuple[float, float]:
        seconds, cpu, printed = run(command, {"HOME": str(folder)})
        if "Error" in printed:
            sys.exit(f"pyinfra failed:\n{printed}")
        return seconds, cpu

    return once


def round_trip_ms(host: str, port: int) -> float:
    """Until sshd's greeting has come, and one more piece has gone there and back; milliseconds, the best of three."""
    import socket

    def once() -> float:
        with socket.create_connection((host, port)) as wire:
            wire.recv(64)
            wire.sendall(b"SSH-2.0-ping\r\n")
            began = time.perf_counter()
            wire.recv(64)
            return (time.perf_counter() - began) * 1000

    return min(once() for _ in range(3))


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt-ms", type=float, nargs="*", default=[0.0, 50.0])
    parser.add_argument(
        "--limit", type=float, help="fail where ours takes more than this share of the faster of the others"
    )
    options = parser.parse_args()
    worst = 0.0
    with nodes() as ((node,), folder):
        where = ["--host", node.address, "--user", "ubuntu", "--identity", str(node.key)]
        run([tool(), "up", "--provider", "ssh", *where, "--host-key", node.host_key_fingerprint])
        state = end_state(node, folder)
        rendered("deploy.yml", folder, state)
        rendered("deploy.py", folder, state)
        for rtt_ms in options.rtt_ms:
            with node.line(delay_ms=rtt_ms / 2) as line:
                host, port = (line.host, line.port) if rtt_ms else (node.address, 22)
                ways = {
                    "zephyr-deploy": ours(folder, host, port),
                    "pyinfra": pyinfra(folder, node, host, port),
                    "ansible": ansible(folder, node, host, port),
                }
                for way in ways.values():
                    way()  # once for caches and pins
                took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
                for _ in range(options.rounds):
                    for name, way in ways.items():
                        took[name].append(way())
                print(
                    f"round trip {rtt_ms:g} ms (seen {round_trip_ms(host, port):.0f} ms), median of {options.rounds}:"
                )
                median = {name: statistics.median(wall for wall, _ in pairs) for name, pairs in took.items()}
                for name, wall in median.items():
                    cpu = statistics.median(cpu for _, cpu in took[name])
                    print(
                        f"  {name:<14}{wall:6.2f} s   {wall / median['zephyr-deploy']:5.1f} x   {cpu:5.2f} s CPU here"
                    )
                worst = max(worst, median["zephyr-deploy"] / min(median["pyinfra"], median["ansible"]))
    return int(options.limit is not None and worst > options.limit)


if __name__ == "__main__":
    sys.exit(main())
