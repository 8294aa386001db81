from __future__ import annotations

import pytest

from zephyr_deploy.bench.prompts.traces import Arrival, read_trace
from zephyr_deploy.errors import UsageError

AZURE_2023 = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:16:02.0000000,0,0
"""
AZURE_2024 = """TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 23:59:59.500000+00:00,7,1
2024-05-11 00:00:01+00:00,8,2
"""
MOONCAKE = """{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 63]}

{"timestamp": 30535, "input_length": 10, "output_length": 1}
"""


def of(tmp_path, text):
    path = tmp_path / "trace"
    path.write_text(text, encoding="utf-8")
    return read_trace(path)


def near(arrivals):
    return [(pytest.approx(at_s, abs=1e-6), prompt, output) for at_s, prompt, output in arrivals]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_azure(tmp_path, mark, end):
    found = of(tmp_path, mark + AZURE_2023.replace("\n", end))
    assert list(found) == near([(0, 374, 44), (4.314579, 396, 109), (15.31941, 1, 1)])


def test_azure_with_time_zone_over_midnight(tmp_path):
    assert list(of(tmp_path, AZURE_2024)) == near([(0, 7, 1), (1.5, 8, 2)])


def test_mooncake(tmp_path):
    assert list(of(tmp_path, MOONCAKE)) == near([(0, 6955, 52), (3.053, 10, 1), (3.053, 6472, 26)])


def test_what_came_out_of_order_is_put_in_order(tmp_path):
    lines = AZURE_2023.splitlines()
    found = of(tmp_path, "\n".join([lines[0], *lines[:0:-1]]))
    assert isinstance(found[0], Arrival)
    assert [arrival.prompt_tokens for arrival in found] == [374, 396, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no requests"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "has no requests"),
        ("a,b,c\n1,2,3\n", "line 1: not the head"),
        (AZURE_2023 + "yesterday,1,2\n", "line 5: not a time"),
        (AZURE_2023 + "2023-11-16 18:15:46,1\n", "line 5: not a time"),
        (AZURE_2023 + "2023-11-16 18:15:46,1,-2\n", "line 5: not a time"),
        (MOONCAKE + '{"timestamp": 1}\n', "line 5: not JSON with the numbers timestamp, input_length, output_length"),
        (MOONCAKE + "{\n", "line 5: not JSON"),
        (MOONCAKE + '{"timestamp": NaN, "input_length": 1, "output_length": 2}\n', "line 5: not JSON"),
        (MOONCAKE + '{"timestamp": 1, "input_length": Infinity, "output_length": 2}\n', "line 5: not JSON"),
        (MOONCAKE + '{"timestamp": "x", "input_length": 1, "output_length": 2}\n', "line 5: not JSON"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path, text, says):
    with pytest.raises(UsageError, match=says):
        of(tmp_path, text)


def test_names_the_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.csv cannot be read: No such file"):
        read_trace(tmp_path / "nothing.csv")


def test_a_file_of_bytes_is_no_trace(tmp_path):
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_trace(tmp_path / "x.gz")
