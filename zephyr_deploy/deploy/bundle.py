"""`debug-bundle`: everything that helps to find a fault, in one file that holds no secret."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_core import to_jsonable_python

from zephyr_deploy import hub
from zephyr_deploy.deploy.doctor import doctor
from zephyr_deploy.deploy.known import known
from zephyr_deploy.deploy.redact import Redactor
from zephyr_deploy.deploy.results import BundleResult
from zephyr_deploy.deploy.status import status
from zephyr_deploy.deploy.up import plan_of
from zephyr_deploy.deploy.versions import versions
from zephyr_deploy.errors import UsageError, ZephyrError
from zephyr_deploy.events import Phases, silent
from zephyr_deploy.node.program import call
from zephyr_deploy.node.route import resolve
from zephyr_deploy.paths import checked_name, deployment_dir
from zephyr_deploy.plan.machine import NodeFacts
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.providers.local.folder import Folder
from zephyr_deploy.providers.local.logfile import tail
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.nodes.key import noted_key
from zephyr_deploy.spec.keys import KEYS, value_of
from zephyr_deploy.spec.types import is_secret_name
from zephyr_deploy.spec.values import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.events import Listener
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.load import Loaded

LINES = 2000
"""Of each log."""
NODE_S = 180.0
AT_ONCE = 16
SECRET_FILES = {"node_key", "api_key"}


def debug_bundle(
    name: str,
    to: Path,
    load: Callable[[], Loaded],
    *,
    lines: int = LINES,
    listener: Listener = silent,
) -> BundleResult:
    """Gather what there is to know of a deployment, here and on its machines, and write it without secrets.

    What cannot be had, because a machine is away or the configuration is broken, is told inside; the rest is there.

    Args:
        name: Of the deployment.
        to: The file to write (tar.gz, mode 0600); it must not exist.
        load: Reads the user's configuration.
        lines: How many lines of each log.
        listener: Is told of every phase.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    checked_name(name)
    if to.exists():
        raise UsageError(f"{to} exists already.", hint="Choose another with --to.")
    return _Bundle(name, load, lines, Phases(listener)).write(to)


class _Bundle:
    """One run: files by name, secrets, and what could not be had."""

    def __init__(self, name: str, load: Callable[[], Loaded], lines: int, phases: Phases) -> None:
        self.name = name
        self.lines = lines
        self.phases = phases
        self.files: dict[str, str] = {}
        self.missing: list[str] = []
        self.away = False
        """Whether a machine could not be asked."""
        self.redactor = Redactor()
        self.deployment: Deployment | None = None
        self._load = load

    def write(self, to: Path) -> BundleResult:
        """Gather, clean, write."""
        with self.phases.phase("here", "Gather what is known here"):
            self._secrets_of_environment()
            self._try("config.json", self._config)
            self._here()
        record = known(self.name)
        if record is not None:
            pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bundle")
            with self.phases.phase("nodes", "Ask the machines"), pool:
                list(pool.map(lambda address: self._machine(record, address), record.machines))
        if not self.away:  # else it would wait once more for a machine that is away
            self._try("status.json", lambda: _json(status(self.name)))
        with self.phases.phase("write", "Write it without secrets"):
            self.files["README.txt"] = self._readme()
            self._learn_from_files()
            cleaned = {name: self.redactor.clean(text) for name, text in sorted(self.files.items())}
            size = _pack(to, f"zephyr-debug-{self.name}", cleaned)
        return BundleResult(name=self.name, path=to, size=size, files=tuple(cleaned), missing=tuple(self.missing))

    def _secrets_of_environment(self) -> None:
        self.redactor.learn([hub.token(), noted_key(self.name), _text(Folder(self.name).path / "api_key")])
        ours = {n: v for n, v in os.environ.items() if n.startswith(("ZEPHYR_", "HF_", "HUGGING", "AWS_", "E2E_"))}
        self.redactor.learn_variables(ours)

    def _config(self) -> str:
        loaded = self._load()
        self.deployment = loaded.deployment.model_copy(update={"name": self.name})
        engine = loaded.deployment.engine
        self.redactor.learn_variables(engine.env)
        self.redactor.learn_arguments(engine.args)
        settings = [
            {"setting": key, "value": masked(key, value_of(loaded.deployment, key)), "from": str(loaded.origins[key])}
            for key in KEYS
        ]
        return _json({"config": loaded.config, "profile": loaded.profile, "settings": settings})

    def _here(self) -> None:
        self._try("versions.json", lambda: _json(versions()))
        self._try("doctor.json", lambda: _json(doctor()))
        record = known(self.name)
        if record is None and self.deployment is not None and self.deployment.provider == "local":
            wish = self.deployment
            self._try("plan.json", lambda: _json(plan_of(wish)))
        folder = deployment_dir(self.name)
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            # In a log that grew for weeks the end is what matters.
            if path.is_file() and path.name not in SECRET_FILES:
                text = "\n".join(tail(path, self.lines)) if ".log" in path.name else _text(path)
                self.files[f"here/{path.relative_to(folder)}"] = text

    def _machine(self, record: NodesRecord, address: NodeAddress) -> None:
        folder = f"nodes/{re.sub('[^A-Za-z0-9.-]+', '_', str(address))}"
        self._try(f"{folder}/route.json", lambda: _json(resolve(address)))
        try:
            with connect_noted(record, address) as node:
                answer = call(node, "bundle", {"name": self.name, "lines": self.lines}, deadline_s=NODE_S)
        except ZephyrError as error:
            self.away = True
            self.missing.append(f"{address}: {error.message}")
            self.files[f"{folder}/unreachable.txt"] = f"{error.message}\n{error.hint or ''}\n"
            return
        self.files |= {f"{folder}/{name}": text for name, text in answer["files"].items()}
        wish = self.deployment
        if wish is not None and address != record.gateway and "machine.json" in answer["files"]:
            facts = NodeFacts.model_validate_json(answer["files"]["machine.json"])
            model = known_model(wish.model.id)
            self._try(f"{folder}/plan.json", lambda: _json(plan_for_node(wish, facts, hub=hub.endpoint(), model=model)))

    def _learn_from_files(self) -> None:
        """Know what a release that is deployed has of secrets: the configuration may be another by now."""
        for name, text in self.files.items():
            if name.endswith(".env"):
                self.redactor.learn_env_file(text)
            elif name.endswith(".sh"):
                self.redactor.learn_arguments([word.strip("'\"") for word in text.split()])
            elif name.endswith("service.json"):
                self.redactor.learn(_secrets_in(text))

    def _try(self, name: str, make: Callable[[], str]) -> None:
        """Have the file; what cannot be had says why."""
        try:
            self.files[name] = make()
        except ZephyrError as error:
            self.missing.append(f"{name}: {error.message}")
            self.files[name] = f"{error.message}\n{error.hint or ''}\n"
        except OSError as error:
            self.missing.append(f"{name}: {error}")
            self.files[name] = f"{error}\n"

    def _readme(self) -> str:
        lines = [f"zephyr-deploy debug-bundle of {self.name}, {datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}", ""]
        lines += ["Secrets that are known were taken out, and what looks like one. Look through it before you send it."]
        lines += ["", "Could not be had:", *self.missing] if self.missing else []
        return "\n".join(lines) + "\n"


def _pack(to: Path, root: str, files: dict[str, str]) -> int:
    """Write the archive for this user alone; its size in bytes."""
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, text in files.items():
                data = text.encode(errors="replace")
                info = tarfile.TarInfo(f"{root}/{name}")
                info.size, info.mode, info.mtime = len(data), 0o600, int(time.time())
                archive.addfile(info, io.BytesIO(data))
        return to.stat().st_size
    except OSError as error:
        raise UsageError(
            f"{to} cannot be written: {error.strerror}.", hint="Choose another place with --to."
        ) from error


def _secrets_in(text: str) -> Iterator[str]:
    """Values of what is secret by its name anywhere in a JSON file; none where it is not JSON."""
    with suppress(ValueError):
        yield from _secret_values(json.loads(text))


def _secret_values(value: object) -> Iterator[str]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        if isinstance(item, str) and is_secret_name(str(name)):
            yield item
        yield from _secret_values(item)


def _json(data: object) -> str:
    return json.dumps(to_jsonable_python(data, inf_nan_mode="null"), indent=2) + "\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
