"""`redeploy` where nothing changed, against Ansible and pyinfra on the same end state: seconds, and the ratio to ours.

A real machine of the lab serves; each tool is then asked, in turns, to bring it to what it is already: the files of the
release with content and mode, two units that run and start at boot, and one generation. A run counts only if the tool
itself says that nothing changed, ends with 0, and neither the files nor the processes on the machine are others after
it. Ansible has no facts to gather, pipelining on, and one SSH connection for all of a run's tasks, which is the fastest
that it offers; pyinfra has a virtual environment of its own, because it wants another paramiko. Each run of each tool
makes its own connection. The round trip is that of a relay in user space, measured, too.

Usage: python benchmarks/noop_redeploy.py [--rounds 5] [--rtt-ms 0 50] [--limit 0.5]
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import statistics
import sys
import tempfile
import time
import venv
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lab_node import login, nodes, programs
from timed import Ran, load, run, table, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.node import Node

HERE = Path(__file__).resolve().parent
PYINFRA = "pyinfra>=3.5"
HOME = "/opt/zephyr-deploy/zephyr"
OPERATIONS_WITHOUT_STATE = 1
"""The generation: pyinfra cannot know that it changes nothing, so it is counted as a success."""


class Place(NamedTuple):
    """Where the machine is reached: straight, or through a relay."""

    host: str
    port: int


def ours(folder: Path, place: Place, release: str) -> Callable[[], Ran]:
    """`redeploy` with the record pointed at this address, as after a change of the network."""
    record = folder / "state/deployments/zephyr/nodes.json"

    def once() -> Ran:
        noted = json.loads(record.read_text())
        noted["nodes"][0].update(host=place.host, port=place.port)
        record.write_text(json.dumps(noted))
        ran = run([tool(), "redeploy", "--output", "json"])
        said = json.loads(ran.out)["data"]
        if said["changed"] or said["release"] != release or said["service"]["state"] != "ready":
            sys.exit(f"redeploy changed something:\n{ran.out}{ran.err}")
        return ran

    return once


def end_state(node: Node, folder: Path, release: str) -> dict[str, object]:
    """What is on the node, as lists that the two templates take; the files' content lies in ``folder``."""
    home, unit = f"{HOME}/releases/{release}", f"zephyr-zephyr@{release}.service"
    paths = [f"{home}/{name}" for name in node.exec(f"ls {home}").stdout.split()]
    paths += [f"/etc/systemd/system/{unit}", "/run/zephyr-deploy/zephyr/api_key"]
    files = []
    for number, path in enumerate(paths):
        source = folder / f"file{number}"
        source.write_text(node.exec(f"cat {path}").stdout)
        mode = node.exec(f"stat -c %a {path}").stdout.strip().zfill(4)
        files.append({"src": str(source), "dest": path, "mode": mode})
    port = node.exec(f"sed -n s/ZEPHYR_PORT=//p {HOME}/ports/{release}.env").stdout.strip()
    folders = [HOME, home, "/var/lib/zephyr-deploy/data"]
    return {"files": files, "folders": folders, "units": [unit, "zephyr-zephyr-gateway.service"], "port": port}


def print_of(node: Node, state: dict[str, object]) -> str:
    """What a run must leave as it was: modes and content of the files, and the processes of the units."""
    files = " ".join(str(file["dest"]) for file in state["files"])  # type: ignore[attr-defined]
    units = " ".join(state["units"])  # type: ignore[arg-type]
    show = "systemctl show --property=Id,ActiveState,UnitFileState,InvocationID,MainPID"
    return node.exec(
        f"stat -c '%n %a %Y %i' {files}; sha256sum {files}; {show} {units}; docker ps -q --no-trunc"
    ).stdout


def rendered(name: str, folder: Path, state: dict[str, object]) -> None:
    """A template of this benchmark's, rendered into ``folder``."""
    environment = Environment(loader=FileSystemLoader(HERE / "noop"), undefined=StrictUndefined, autoescape=False)
    (folder / name).write_text(environment.get_template(f"{name}.jinja").render(state) + "\n")


def ansible(folder: Path, node: Node, place: Place, tasks: int) -> Callable[[], Ran]:
    """The playbook; a folder of its own for each run's connection, which all tasks of that run share."""
    inventory = folder / f"hosts-{place.port}.ini"
    options = f"-o UserKnownHostsFile={folder}/known -o StrictHostKeyChecking=yes -o HostKeyAlias=node"
    inventory.write_text(
        f"node ansible_host={place.host} ansible_port={place.port} ansible_user=ubuntu "
        f"ansible_ssh_private_key_file={node.key} ansible_python_interpreter=/usr/bin/python3 "
        f"ansible_ssh_common_args='{options}'\n"
    )
    (folder / "known").write_text(f"node {node.host_key}\n")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    settings = {
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=10s",
    }

    def once() -> Ran:
        with tempfile.TemporaryDirectory(prefix="zcp-") as control:
            command = [program, "-i", str(inventory), str(folder / "deploy.yml")]
            ran = run(command, {**settings, "ANSIBLE_SSH_CONTROL_PATH_DIR": control})
        if not re.search(rf"ok={tasks} +changed=0 +unreachable=0 +failed=0 ", ran.out):
            sys.exit(f"Ansible changed something:\n{ran.out}{ran.err}")
        return ran

    return once


def pyinfra(folder: Path, node: Node, place: Place, operations: int) -> Callable[[], Ran]:
    """The operations, in a virtual environment made when it is missing."""
    program = programs("pyinfra")
    if not (program / "bin/pyinfra").exists():
        venv.create(program, with_pip=True, clear=True)
        run([str(program / "bin/pip"), "install", "--quiet", PYINFRA])
    (folder / ".ssh").mkdir(exist_ok=True)
    (folder / ".ssh/known_hosts").touch()
    where = ["--user", "ubuntu", "--port", str(place.port), "--key", str(node.key)]
    where += ["--data", "ssh_strict_host_key_checking=accept-new"]
    command = [str(program / "bin/pyinfra"), "-y", *where, place.host, str(folder / "deploy.py")]
    same = str(operations - OPERATIONS_WITHOUT_STATE)

    def once() -> Ran:
        ran = run(command, {"HOME": str(folder)})
        total = re.search(r"Grand total +(\S+) +(\S+) +(\S+) +(\S+)", ran.out + ran.err)
        if not total or total.groups() != (str(operations), str(OPERATIONS_WITHOUT_STATE), "-", same):
            sys.exit(f"pyinfra changed something:\n{ran.out}{ran.err}")
        return ran

    return once


def round_trip_ms(place: Place) -> float:
    """Until sshd's greeting has come, and one more piece has gone there and back; milliseconds, the best of five."""

    def once() -> float:
        with socket.create_connection(place) as wire:
            wire.recv(64)
            began = time.perf_counter()
            wire.sendall(b"SSH-2.0-ping\r\n")
            wire.recv(64)
            return (time.perf_counter() - began) * 1000

    return min(once() for _ in range(5))


def measure(node: Node, folder: Path, state: dict[str, object], rounds: int, place: Place) -> dict[str, list[Ran]]:
    """Every tool ``rounds`` times, in turns, after one run of each for caches and pins."""
    files, folders, units = (len(state[kind]) for kind in ("files", "folders", "units"))  # type: ignore[arg-type]
    release = str(state["units"][0]).partition("@")[2].removesuffix(".service")  # type: ignore[index]
    ways = {
        "zephyr-deploy": ours(folder, place, release),
        "pyinfra": pyinfra(folder, node, place, files + folders + units + OPERATIONS_WITHOUT_STATE),
        "ansible": ansible(folder, node, place, tasks=4),
    }
    took: dict[str, list[Ran]] = {name: [] for name in ways}
    before = print_of(node, state)
    for number in range(rounds + 1):
        for name, way in ways.items():
            ran = way()
            if (now := print_of(node, state)) != before:
                sys.exit(f"{name} changed something:\n{before}\n{now}")
            if number:
                took[name].append(ran)
    return took


def report(took: dict[str, list[Ran]]) -> float:
    """Print the medians; our share of the faster of the others."""
    wall = {name: statistics.median(ran.seconds for ran in runs) for name, runs in took.items()}
    rows = [["", "median s", "least s", "to ours", "CPU s here"]]
    for name, runs in took.items():
        cpu = statistics.median(ran.cpu_s for ran in runs)
        least, ratio = min(ran.seconds for ran in runs), wall[name] / wall["zephyr-deploy"]
        rows.append([name, f"{wall[name]:.2f}", f"{least:.2f}", f"{ratio:.1f} x", f"{cpu:.2f}"])
    table(rows)
    return wall["zephyr-deploy"] / min(wall["pyinfra"], wall["ansible"])


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rtt-ms", type=float, nargs="*", default=[0.0, 50.0])
    parser.add_argument("--limit", type=float, help="fail where ours takes more of the faster of the others than this")
    options = parser.parse_args()
    worst = 0.0
    with nodes() as ((node,), folder):
        release = json.loads(run([tool(), "up", *login(node), "--output", "json"]).out)["data"]["release"]
        state = end_state(node, folder, release)
        for name in ("deploy.yml", "deploy.py"):
            rendered(name, folder, state)
        for rtt_ms in options.rtt_ms:
            with node.line(delay_ms=rtt_ms / 2) if rtt_ms else nullcontext() as line:
                place = Place(line.host, line.port) if line else Place(node.address, node.port)
                seen = round_trip_ms(place)
                took = measure(node, folder, state, options.rounds, place)
            print(f"\nround trip {rtt_ms:g} ms (seen {seen:.1f} ms), median of {options.rounds}, {load()}:")
            worst = max(worst, report(took))
    return int(options.limit is not None and worst > options.limit)


if __name__ == "__main__":
    sys.exit(main())
