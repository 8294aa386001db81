"""The next command as this user has to type it: with the deployment, file and profile that this call was given.

Whoever raises an error knows what helps, `zephyr-deploy up`; only the command line knows what else was typed.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

NAMED = {
    "up": "{}",
    "redeploy": "{}",
    "rollback": "{}",
    "lock": "{}",
    "lock show": "{}",
    "lock release": "{}",
    "down": "{}",
    "status": "{}",
    "releases": "{}",
    "audit": "{}",
    "render": "{}",
    "logs": "{}",
    "tunnel": "{}",
    "ssh": "{}",
    "code": "{}",
    "inventory": "{}",
    "env": "{}",
    "smoke": "{}",
    "bench": "{}",
    "history": "{}",
    "calibrate": "{}",
    "debug-bundle": "{}",
    "cost": "{}",
    "extend": "{}",
    "notify": "{}",
    "chat": "--name {}",
}
"""How each command is told which deployment is meant."""
CONFIGURED = {*NAMED, "config", "init", "plan"}
"""Commands that read the file, or write it."""
_COMMAND = re.compile(
    r"zephyr-deploy (?P<verb>[a-z]+(?:-[a-z]+)*)\b(?P<inner>(?: (?:show|release)\b)?)(?P<rest>(?: +NAME\b)?)"
)


@dataclass(frozen=True)
class Given:
    """What a call was given that the next one must be given too."""

    name: str | None = None
    config: str | None = None
    profile: str | None = None
    rehearse: bool = False

    def complete(self, hint: str) -> str:
        """``hint`` with every command in it completed; what it says already stays as it is."""
        return _COMMAND.sub(self._completed, hint)

    def _completed(self, match: re.Match[str]) -> str:
        verb, following = match["verb"], match.string[match.end() :]
        whole = verb + match["inner"]
        words = ["zephyr-deploy"]
        if self.rehearse and _is_command(verb):
            words.append("--rehearse")
        if match["rest"] or verb not in CONFIGURED:
            return f"{' '.join(words)} {whole}{match['rest']}"
        if self.config is not None:
            words += ["--config", shlex.quote(self.config)]
        if self.profile is not None and verb != "init":
            words += ["--profile", shlex.quote(self.profile)]
        words.append(whole)
        if self.name is not None and whole in NAMED and not re.match(rf" +{re.escape(self.name)}(?![\w-])", following):
            words.append(NAMED[whole].format(shlex.quote(self.name)))
        return " ".join(words)


def _is_command(word: str) -> bool:
    from zephyr_deploy.cli.main import COMMANDS  # it imports this module, by way of the session

    return word in COMMANDS
