"""``zephyr-deploy render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.lock import pinned
from zephyr_deploy.cli.machine import (
    FirstUseOpt,
    GatewayOpt,
    HostKeyOpt,
    HostsOpt,
    IdentityOpt,
    SshPortOpt,
    UserOpt,
    machine_flags,
    trust_of,
)
from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.terminal import visible
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.cli.wish import (
    ExposeOpt,
    GpuOpt,
    GpusOpt,
    ImageOpt,
    ModelOpt,
    ProviderOpt,
    QuantizeOpt,
    RevisionOpt,
    TotalTokensOpt,
    UpgradeOpt,
    expose_flags,
)
from zephyr_deploy.errors import DeclinedError, GateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.deploy.render import RenderOptions
    from zephyr_deploy.deploy.results import DiffResult, NodeDiff, RenderResult
    from zephyr_deploy.spec.deployment import Deployment


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy render", "Print every file that `up` would bring to the machine"),
        ("zephyr-deploy render --file engine.sh", "One of them"),
        ("zephyr-deploy render --diff --exit-code", "What `redeploy` would change; exit with 8 if anything"),
        ("zephyr-deploy render --provider ssh --host gpu1 --offline --write ./release", "Without asking anybody"),
    ],
)
def render(
    session: Session,
    name: NameArg = None,
    *,
    file: Annotated[str | None, typer.Option(help="Print this file alone.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the files into this folder.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show how they differ from what serves.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="With --diff: exit with 8 if they differ.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: assume a machine, put zeros for digests.")
    ] = False,
    lock: Annotated[
        Path | None, typer.Option(help="Take digests from this zephyr.lock, or lock.json of a release.")
    ] = None,
    upgrade: UpgradeOpt = False,
    provider: ProviderOpt = None,
    model: ModelOpt = None,
    revision: RevisionOpt = None,
    host: HostsOpt = None,
    gateway: GatewayOpt = None,
    user: UserOpt = None,
    ssh_port: SshPortOpt = None,
    identity: IdentityOpt = None,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
    gpu: GpuOpt = None,
    gpus: GpusOpt = None,
    engine: Annotated[str | None, typer.Option(help="Server to run: tgi, vllm or sglang.")] = None,
    image: ImageOpt = None,
    quantize: QuantizeOpt = None,
    max_total_tokens: TotalTokensOpt = None,
    expose: ExposeOpt = None,
) -> None:
    """Print the files of the release that `up` would bring, or how they differ from what serves; change nothing."""
    _refuse_what_does_not_go_together(file=file, write=write, diff=diff, exit_code=exit_code)
    flags = {
        "name": name,
        "provider": provider,
        "model.id": model,
        "model.revision": revision,
        **machine_flags(host, gateway, user, ssh_port, identity),
        "machine.gpu": gpu,
        "machine.gpus": gpus,
        "engine.name": engine,
        "engine.image": image,
        "engine.quantize": quantize,
        "limits.max_total_tokens": max_total_tokens,
        **expose_flags(expose),
    }
    loaded = session.load(flags)
    deployment = loaded.deployment
    from zephyr_deploy.deploy.render import RenderOptions

    trust = pinned(trust_of(host_key, first_use=trust_on_first_use), loaded)
    options = RenderOptions(trust=trust, upgrade=upgrade, offline=offline, lock=lock)
    if diff:
        _diff(session, deployment, options, exit_code=exit_code)
        return
    _render(session, deployment, options, file=file, write=write)


def _refuse_what_does_not_go_together(*, file: str | None, write: Path | None, diff: bool, exit_code: bool) -> None:
    given = [flag for flag, there in (("--file", file), ("--write", write), ("--diff", diff or None)) if there]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together.", hint="Give one of them.")
    if exit_code and not diff:
        raise UsageError("--exit-code says what --diff found.", hint="zephyr-deploy render --diff --exit-code")


def _render(
    session: Session, deployment: Deployment, options: RenderOptions, *, file: str | None, write: Path | None
) -> None:
    from zephyr_deploy.deploy.render import render as run

    with session.out.listening() as listener:
        result = run(deployment, options, listener)
    if not result.complete:
        session.out.warn("Nothing was looked up: zeros stand for digests, so this is not the release `up` would make.")
    if write is not None:
        _write(session, result, write)
    elif file is not None:
        _show_file(session, result, file)
    else:
        listing = "\n".join(_listing(result))
        session.out.result("render", result, table=lambda: visible(listing), quiet=result.release)


def _listing(result: RenderResult) -> Iterator[str]:
    """Every file under its path, in the form that `head` and `tail` give several files."""
    for path, text in sorted(result.files.items()):
        yield f"==> {path} <==\n{text}"
    yield f"release {result.release}"


def _show_file(session: Session, result: RenderResult, path: str) -> None:
    if path not in result.files:
        raise UsageError(f"The release has no file {path}.", hint=f"It has: {', '.join(sorted(result.files))}")
    text = result.files[path].removesuffix("\n")
    only = result.model_copy(update={"files": {path: result.files[path]}})
    session.out.result("render", only, table=lambda: text, quiet=text)


def _write(session: Session, result: RenderResult, folder: Path) -> None:
    from zephyr_deploy.release.folder import others_in, write_release
    from zephyr_deploy.release.release import Release

    release = Release(id=result.release, files=result.files)
    others = others_in(folder, release)
    if others and not session.out.confirm(f"{folder} holds {_few(others)}; write the release's files there?"):
        raise DeclinedError(f"{folder} was left as it is.", hint="Give --write an empty folder, or say --yes.")
    write_release(folder, release)
    strange = [path for path in others if path not in result.files]
    if strange:
        session.out.note(f"Not of this release, and left there: {', '.join(strange)}.")
    paths = [str(folder / path) for path in sorted(result.files)]
    session.out.result("render", result, table=lambda: "\n".join([*paths, f"release {result.release}"]), quiet=paths)


def _few(paths: tuple[str, ...], shown: int = 3) -> str:
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return visible(", ".join(paths[:shown])) + more


def _diff(session: Session, deployment: Deployment, options: RenderOptions, *, exit_code: bool) -> None:
    from zephyr_deploy.deploy.render import diff as run

    with session.out.listening() as listener:
        result = run(deployment, options, listener)
    shown = "\n".join(_differences(result))
    session.out.result(
        "diff",
        result,
        table=lambda: visible(shown),
        quiet=(f"{node.node}\t{path}" for node in result.nodes for path in node.changed),
    )
    if not result.same and exit_code:
        raise GateError("What serves is not what is wanted.", hint="Bring it there: zephyr-deploy redeploy")


def _differences(result: DiffResult) -> Iterator[str]:
    for node in result.nodes:
        if len(result.nodes) > 1:
            yield f"==> {node.node} <=="
        yield _said(node)


def _said(node: NodeDiff) -> str:
    if node.same:
        return f"{node.node} serves release {node.release}; nothing differs."
    return node.diff.removesuffix("\n")
