"""The driver stays loaded: Ubuntu's persistence daemon is started with its own command line, less what stops it."""

import base64


def test_the_command_line_is_kept_less_what_stops_it(ansible):
    unit = (
        "[Service]\nType=forking\nExecStart=/usr/bin/nvidia-persistenced --user other --no-persistence-mode --verbose\n"
    )
    cases = [{"driver_unit": {"content": base64.b64encode(unit.encode()).decode()}}]
    (said,) = ansible.render("driver/templates/persistence.conf.j2", cases)
    assert said.splitlines()[1:] == [
        "[Service]",
        "ExecStart=",
        "ExecStart=/usr/bin/nvidia-persistenced --user other --verbose",
    ]
