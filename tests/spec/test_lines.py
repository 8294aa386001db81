from __future__ import annotations

from zephyr_deploy.spec.lines import lines_of

TEXT = '''\
# a comment
name = "x"
limits.parallel = 2

[model]  # a comment with [brackets]
id = """
port = 1
[access]
"""

[engine]
args = [
  "a",  # one
  "b",
]
env = { A = "1", "B.C" = "2" }
image = "x"
[profile.big."access"]
port = 3
[[wrong]]
a = 1
'''


def test_every_key_has_its_line():
    lines = lines_of(TEXT)
    assert lines["name",] == 2
    assert lines["limits", "parallel"] == 3
    assert lines["model", "id"] == 6
    assert lines["engine",] == 11
    assert lines["engine", "args"] == 12
    assert lines["engine", "env", "B.C"] == 16
    assert lines["engine", "image"] == 17
    assert lines["profile", "big", "access", "port"] == 19
    assert lines["wrong",] == 20


def test_keys_inside_a_long_string_are_none():
    assert ("model", "port") not in lines_of(TEXT)
    assert ("access",) not in lines_of(TEXT)
