"""preview.yml from the label to the end of the pull request: on AWS's emulator with a real machine behind it."""

from __future__ import annotations

import pytest
from ci.conftest import EXAMPLES
from ci.on_aws import runner_for
from ci.stand_ins import comments
from emulators.rehearsal import clouds

WANTED = 'name = "demo"\nprovider = "aws"\n[machine]\ngpu = "a10g"\n[limits]\nmax_total_tokens = 512\n'


def event(action, labels=()):
    about = {"number": 7, "state": "closed" if action == "closed" else "open", "base": {"sha": "b" * 40}}
    named = [{"name": name} for name in labels]
    request = {**about, "head": {"repo": {"full_name": "octo/endpoint"}}, "labels": named}
    return {"action": action, "pull_request": request}


@pytest.mark.long
@pytest.mark.timeout(600, func_only=True)
def test_an_endpoint_comes_with_the_label_and_goes_with_the_pull_request(lab, tmp_path):
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "zephyr.toml").write_text(WANTED)
    with clouds(lab, tmp_path) as account:
        runner = runner_for(account, tmp_path, repository)
        ran = runner.run(EXAMPLES / "preview.yml", "pull_request", **event("labeled", ["preview"]))
        assert [ran[job].conclusion for job in ("up", "down")] == ["success", "skipped"], ran["up"].log
        (comment,) = comments(runner)
        assert "`pr-7` serves this pull request at " in comment
        (machine,) = account.machines[0].there()
        assert "zephyr-pr-7@" in account.machines[0].node(machine).exec("systemctl list-units --plain").stdout

        ran = runner.run(EXAMPLES / "preview.yml", "pull_request", **event("closed", ["preview"]))
        assert [ran[job].conclusion for job in ("up", "down")] == ["skipped", "success"], ran["down"].log
        assert account.left() == []
