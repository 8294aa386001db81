import pytest

from zephyr_deploy.cli.hints import CONFIGURED, NAMED, Given
from zephyr_deploy.cli.main import COMMANDS, load
from zephyr_deploy.cli.verb import Verb

UP = "Take another port: zephyr-deploy up --port 0"


@pytest.mark.parametrize(
    ("given", "hint", "shown"),
    [
        (Given(), UP, UP),
        (Given("loc"), UP, "Take another port: zephyr-deploy up loc --port 0"),
        (Given("loc"), "Run `zephyr-deploy up` again.", "Run `zephyr-deploy up loc` again."),
        (
            Given("loc"),
            "zephyr-deploy logs, then zephyr-deploy up",
            "zephyr-deploy logs loc, then zephyr-deploy up loc",
        ),
        (Given("loc"), "Start it with `zephyr-deploy up loc`.", "Start it with `zephyr-deploy up loc`."),
        (Given("lo"), "`zephyr-deploy up loc`", "`zephyr-deploy up lo loc`"),
        (Given("loc"), 'zephyr-deploy chat "Why?"', 'zephyr-deploy chat --name loc "Why?"'),
        (Given("loc"), "zephyr-deploy lock --upgrade", "zephyr-deploy lock loc --upgrade"),
        (Given("loc"), "zephyr-deploy lock release --force", "zephyr-deploy lock release loc --force"),
        (
            Given("loc", "x.toml"),
            "zephyr-deploy config show --origin",
            "zephyr-deploy --config x.toml config show --origin",
        ),
        (Given("loc"), "zephyr-deploy ls and zephyr-deploy doctor", "zephyr-deploy ls and zephyr-deploy doctor"),
        (Given("loc"), "e.g. `zephyr-deploy status NAME`.", "e.g. `zephyr-deploy status NAME`."),
        (Given("loc"), "Remove it: zephyr-deploy sets it.", "Remove it: zephyr-deploy sets it."),
        (Given(config="a b.toml"), "zephyr-deploy init", "zephyr-deploy --config 'a b.toml' init"),
        (
            Given("loc", "x.toml", "big"),
            "zephyr-deploy up, zephyr-deploy init",
            "zephyr-deploy --config x.toml --profile big up loc, zephyr-deploy --config x.toml init",
        ),
        (Given("loc", rehearse=True), UP, "Take another port: zephyr-deploy --rehearse up loc --port 0"),
        (
            Given("loc", rehearse=True),
            "Remove it: zephyr-deploy sets it, zephyr-deploy ls, `zephyr-deploy down NAME`",
            "Remove it: zephyr-deploy sets it, zephyr-deploy --rehearse ls, `zephyr-deploy --rehearse down NAME`",
        ),
    ],
)
def test_commands_are_completed_by_what_was_given(given, hint, shown):
    assert given.complete(hint) == shown


def test_every_command_is_told_the_name_in_its_own_way():
    commands = {}
    for command in map(load, COMMANDS):
        for verb in [command] if isinstance(command, Verb) else command.verbs:
            alone = verb is command or verb.name == command.default
            commands[command.name if alone else f"{command.name} {verb.name}"] = verb
    parameters = {name: {p.name: repr(p.annotation) for p in verb.parameters()} for name, verb in commands.items()}
    named = {command: given["name"] for command, given in parameters.items() if "name" in given}
    assert {command: "{}" if "Argument" in kind else "--name {}" for command, kind in named.items()} == NAMED
    assert set(commands) | set(COMMANDS) >= CONFIGURED
