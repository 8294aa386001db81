"""``zephyr-deploy smoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.address import ApiKeyEnvOpt, UrlOpt, endpoint_for
from zephyr_deploy.cli.options import NameArg, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import UnauthorizedError, UnhealthyError

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.smoke import SmokeReport

COLUMNS = ("CHECK", "ROUTE", "OUTCOME", "SECONDS", "SEEN")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy smoke", "Ask every route a question and read the answers"),
        ("zephyr-deploy smoke --url http://127.0.0.1:3000 --api-key-env TGI_KEY", "The same for any other server"),
        ("zephyr-deploy smoke --output json", "The same for a script"),
    ],
)
def smoke(
    session: Session,
    name: NameArg = None,
    *,
    url: UrlOpt = None,
    api_key_env: ApiKeyEnvOpt = None,
    deadline: Annotated[str, typer.Option(help="Longest time for one check, e.g. 60s.")] = "60s",
) -> None:
    """Generate over every route of the endpoint and check the answers; the exit code is 7 if one is wrong."""
    deadline_s = seconds(deadline)
    from zephyr_deploy.endpoint.smoke import smoke as run

    with endpoint_for(session, name, url, api_key_env) as endpoint, session.out.listening() as listener:
        report = run(endpoint, listener, deadline_s=deadline_s)
    rows = [(c.name, c.route, c.outcome, _time(c.seconds), c.detail) for c in report.checks]
    failed = [check.name for check in report.checks if check.outcome == "failed"]
    session.out.result("smoke", report, table=lambda: session.out.grid(COLUMNS, rows), quiet=failed)
    _refuse(report, failed)


def _time(elapsed_s: float) -> str:
    return f"{elapsed_s:.2f}" if elapsed_s else "-"


def _refuse(report: SmokeReport, failed: list[str]) -> None:
    """Raise unless all is well."""
    from zephyr_deploy.endpoint.errors import KEY_HINT

    reasons = {check.error for check in report.checks if check.outcome == "failed"}
    if reasons == {UnauthorizedError.code}:
        raise UnauthorizedError("the endpoint does not accept the API key", hint=KEY_HINT)
    if failed:
        many = "checks" if len(failed) > 1 else "check"
        raise UnhealthyError(
            f"{len(failed)} of {len(report.checks)} {many} failed: {'; '.join(failed)}",
            hint="See why with `zephyr-deploy logs`.",
            details={"failed": failed},
        )
    if not report.passed:
        raise UnhealthyError("no check generated anything", hint="See why with `zephyr-deploy logs`.")
