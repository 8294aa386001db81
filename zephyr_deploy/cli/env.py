"""``zephyr-deploy env``."""

from __future__ import annotations

import shlex

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb


@verb(
    panel=LOOK,
    examples=[
        ('eval "$(zephyr-deploy env)"', "Let any OpenAI client of this shell speak to the endpoint"),
    ],
)
def env(session: Session, name: NameArg = None) -> None:
    """Print the endpoint's address and key as shell variables. This is the only command that shows the key."""
    from zephyr_deploy.deploy.find import endpoint_of

    endpoint = endpoint_of(session.name(name))
    variables = {"OPENAI_BASE_URL": f"{endpoint.url}/v1", "ZEPHYR_ENDPOINT": endpoint.url}
    if endpoint.api_key:
        variables["OPENAI_API_KEY"] = endpoint.api_key.get_secret_value()
    lines = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
    session.out.result("env", variables, table=lambda: "\n".join(lines), quiet=lines)
