"""`make lab` and `make lab-clean`: a node to play with, and the end of everything that the lab has made."""

from __future__ import annotations

import argparse
import sys

from lab import cards
from lab.boot import NodeSpec, boot
from lab.clean import clean
from lab.docker import LabError
from lab.places import LAB_DIR, private_dir
from lab.world import Lab

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source

CARDS = {name: card for name, card in vars(cards).items() if isinstance(card, cards.Card)}


def main() -> int:
    """Run one command; 1 with the reason on stderr when it fails."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a node and say how to reach it")
    up.add_argument("--card", choices=sorted(CARDS), default="L4", help="the graphics card that it pretends to have")
    commands.add_parser("clean", help="remove all nodes, images, volumes and the lab's own Docker engine")
    said = parser.parse_args()
    try:
        if said.command == "clean":
            clean()
        else:
            _up(CARDS[said.card])
    except (LabError, ZephyrError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _up(card: cards.Card) -> None:
    print("Starting the lab; the first time takes minutes ...", file=sys.stderr)
    source = embedded_table().default.source()
    lab = Lab.open(local_path(prepare_source(source, PhaseHandle("model", silent))))
    keys = private_dir(LAB_DIR / "nodes")
    node = boot(lab, NodeSpec(card=card, preload=True), keys, keep=True).wait_ready()
    known = keys / f"{node.name}.known_hosts"
    known.write_text(f"{node.address} {node.host_key}\n")
    engine = f"DOCKER_HOST={lab.docker.host} " if lab.docker.host else ""
    print(f"""{node.name}, with a stand-in for an {card.name}:

  log in    ssh -i {node.key} -o UserKnownHostsFile={known} {node.user}@{node.address}
  key       {node.key}
  host key  {node.host_key_fingerprint}
  deploy    export HF_ENDPOINT={lab.hub_url}
            zephyr-deploy up --provider ssh --host {node.user}@{node.address} --identity {node.key} \\
                --host-key {node.host_key_fingerprint}
  from out  {engine}docker exec -it {node.name} bash
  remove    {engine}docker rm --force --volumes {node.name}; all of the lab: make lab-clean""")


if __name__ == "__main__":
    sys.exit(main())
