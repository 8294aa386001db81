#!/usr/bin/env python3
"""Where on a machine a secret can be read: a program that a test puts on a node and runs there as root.

``search.py`` looks once, everywhere; ``search.py watch FILE`` looks at processes until FILE is there.
The secrets come on stdin, one a line. What it prints is JSON: ``places``, where one was found, and ``looked``, how much
was looked at. A secret in base64 counts, too, wherever in the encoded text it begins.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOTS = ("/dev/shm", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var")
IMAGES = "/var/lib/docker/overlay2"
"""Layers of images; what containers write is looked at by its own."""
MOST = 32 << 20
"""Bytes of a file that are read: weights are larger."""
PAUSE_S = 0.02


def forms(secret: str) -> list[bytes]:
    """As it is, and the part of its base64 that is the same whatever stands around it."""
    encoded = [base64.b64encode(b"\0" * before + secret.encode())[4 if before else 0 : -4] for before in range(3)]
    return [secret.encode(), *(text for text in encoded if len(text) > 8)]


class Search:
    """What is looked for, and where it was found."""

    def __init__(self, secrets: list[str]) -> None:
        self.needles = [form for secret in secrets for form in forms(secret)]
        self.places: set[str] = set()
        self.looked = 0

    def data(self, place: str, data: bytes) -> None:
        """Look at some bytes."""
        self.looked += 1
        if any(needle in data for needle in self.needles):
            self.places.add(place)

    def file(self, path: Path, place: str = "") -> None:
        """Look at a file, if it is one and can be read."""
        try:
            if path.is_symlink() or not path.is_file():
                return
            with path.open("rb") as file:
                self.data(place or str(path), file.read(MOST))
        except OSError:
            return

    def folder(self, root: str) -> None:
        """Look at every file below, but not at layers of images."""
        for place, folders, files in os.walk(root):
            folders[:] = [name for name in folders if f"{place}/{name}" != IMAGES]
            for name in files:
                self.file(Path(place, name))

    def processes(self) -> None:
        """Look at the arguments and the environment of every process but this one."""
        for process in Path("/proc").glob("[0-9]*"):
            if process.name == str(os.getpid()):
                continue
            name = _text(process / "comm").strip()
            for part in ("cmdline", "environ"):
                self.file(process / part, f"{part} of {name}")

    def program(self, place: str, *command: str) -> str:
        """Look at what a program prints."""
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.data(place, ended.stdout)
        return ended.stdout.decode(errors="replace")

    def docker(self) -> None:
        """Look at what Docker tells of its containers and images, and at what containers have written."""
        for kind in ("container", "image"):
            for name in self.program(f"docker {kind} ls", "docker", kind, "ls", "--all", "--quiet").split():
                told = self.program(f"docker {kind} inspect {name}", "docker", kind, "inspect", name)
                if kind == "container":
                    self.program(f"docker logs {name}", "docker", "logs", name)
                    self.folder(json.loads(told)[0]["GraphDriver"]["Data"]["UpperDir"])

    def everywhere(self) -> None:
        """All of it."""
        self.processes()
        for root in ROOTS:
            self.folder(root)
        self.program("journalctl", "journalctl", "--no-pager", "--output=export", "--all")
        self.program("systemctl show", "systemctl", "show", "--all", "*")
        self.docker()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return "?"


def main() -> None:
    """Look, and say what was found."""
    search = Search(sys.stdin.read().split())
    if sys.argv[1:2] == ["watch"]:
        while not Path(sys.argv[2]).exists():
            search.processes()
            time.sleep(PAUSE_S)
    else:
        search.everywhere()
    print(json.dumps({"places": sorted(search.places), "looked": search.looked}))


if __name__ == "__main__":
    main()
