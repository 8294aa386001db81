"""How GitHub's runner reads the files that steps write to, by actions/runner's FileCommandManager.cs."""

from __future__ import annotations

from pathlib import Path


def outputs(path: Path) -> dict[str, str]:
    """``name=value`` lines and ``name<<END`` blocks of GITHUB_OUTPUT or GITHUB_ENV.

    Raises:
        ValueError: a line is neither, or a block does not end, on which a job fails.
    """
    lines, found = iter(path.read_text().splitlines()), {}
    for line in lines:
        name, equals, value = line.partition("=")
        named, block, end = line.partition("<<")
        if block and (not equals or len(named) < len(name)):
            found[named] = "\n".join(_until(end, lines, path))
        elif equals:
            found[name] = value
        elif line:
            raise ValueError(f"{path.name} has a line of no form: {line}")
    return found


def _until(end, lines, path):
    for line in lines:
        if line == end:
            return
        yield line
    raise ValueError(f"{path.name} has no {end}")
