"""What Ansible prints, as it was seen: ansible-core 2.19, callback ansible.builtin.default."""

from __future__ import annotations

from zephyr_deploy.deploy.played import LONGEST, Failure, Played

RESCUED = """\
PLAY [Prepare a machine] *******************************************************

TASK [packages : Read the repository] ******************************************
[ERROR]: Task failed: Module failed: Failed to update apt cache
fatal: [one]: FAILED! => {"changed": false, "msg": "Failed to update apt cache"}

TASK [packages : Take the repository off again] ********************************
changed: [one] => (item=/etc/apt/sources.list.d/docker.sources)
"""
REFUSED = """
TASK [Say why there is no repository] ******************************************
fatal: [one]: FAILED! => {"changed": false, "msg": "apt cannot use https://user:secret@mirror.test/docker  with it"}
"""
RECAP = """
PLAY RECAP *********************************************************************
one                  : ok=9    changed=2    unreachable=0    failed={failed}    skipped=1    rescued=1    ignored=0
"""


def read(text):
    played = Played()
    for line in text.splitlines(keepends=True):
        played.read(line)
    return played


def test_the_task_at_work_is_known_by_its_name_with_and_without_a_role():
    assert read(RESCUED).task == "Take the repository off again"
    assert read(REFUSED).task == "Say why there is no repository"


def test_the_last_failure_counts_and_no_password_of_a_mirror_is_repeated():
    played = read(RESCUED + REFUSED + RECAP.format(failed=1))
    reason = "apt cannot use https://mirror.test/docker with it"
    assert played.failures == {"one": Failure("Say why there is no repository", reason)}
    assert played.changed == {"one": 2}


def test_a_failure_that_was_rescued_is_none():
    played = read(RESCUED + RECAP.format(failed=0))
    assert played.failures == {}


def test_of_a_command_that_failed_its_own_words_count():
    line = 'fatal: [one]: FAILED! => {"msg": "non-zero return code", "rc": 100, "stderr": "W: x\\nE: no space\\n"}'
    assert read(line).failures["one"].reason == "E: no space"
    line = 'fatal: [one]: FAILED! => {"msg": "non-zero return code", "rc": 7, "stderr": "", "stdout": ""}'
    assert read(line).failures["one"].reason == "exit code 7"


def test_a_machine_that_is_not_reached_is_told_from_one_that_fails():
    text = 'fatal: [two]: UNREACHABLE! => {"changed": false, "msg": "Connection refused", "unreachable": true}'
    assert read(text).failures == {"two": Failure("", "Connection refused", unreachable=True)}


def test_a_failing_item_of_a_loop_and_what_is_no_json_are_read_too():
    assert read('failed: [one] (item=x) => {"msg": "not x"}').failures["one"].reason == "not x"
    assert read("fatal: [one]: FAILED! => {cut off}").failures["one"].reason == "{cut off}"


def test_a_reason_is_of_bounded_length():
    text = 'fatal: [one]: FAILED! => {"msg": "' + "x" * 10_000 + '"}'
    assert len(read(text).failures["one"].reason) == LONGEST + 1


def test_the_last_line_that_says_something():
    assert read("ERROR! the playbook could not be found\n\n").last == "ERROR! the playbook could not be found"
