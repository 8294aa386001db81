"""One call: a request on stdin, JSON lines on stdout."""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from zephyr_deploy.agent.errors import GoneError, NodeError, of_disk
from zephyr_deploy.agent.report import Report

if TYPE_CHECKING:
    from typing import Any

VERBS = {
    "look": "look",
    "digests": "look",
    "status": "verbs",
    "reach": "reach",
    "watch": "watch",
    "releases": "verbs",
    "measured": "verbs",
    "files": "verbs",
    "logs": "logs",
    "bundle": "bundle",
    "remove": "verbs",
    "authority": "verbs",
    "admit": "admit",
    "dismiss": "admit",
    "meet": "verbs",
    "expiry": "expiry",
    "extend": "extend",
    "hold": "hold",
    "held": "hold",
    "let_go": "hold",
    "audit": "audit",
    "apply": "apply",
    "rollback": "apply",
    "judge": "judge",
    "gated": "verbs",
    "keep_gated": "verbs",
    "front": "front",
    "sources": "front",
    "look_front": "front",
    "status_front": "front",
}
"""What a node can be asked to do, and the module with the function of that name: from the request to the result.

A call loads that module alone, and only it and what it imports is sent (see `zephyr_deploy.node.program`).
"""

NOT_HEARD = 3
FAILED = 1


def main(request: dict[str, Any]) -> int:
    """Carry out a request; the exit code is 0 when its last line is a result."""
    report = Report()
    signal.signal(signal.SIGTERM, lambda *_: report.leave())
    signal.signal(signal.SIGHUP, lambda *_: report.leave())
    signal.signal(signal.SIGUSR1, lambda *_: report.dismiss())
    try:
        with report.heartbeat():
            module = import_module(f"zephyr_deploy.agent.{VERBS[request['verb']]}")
            result = getattr(module, request["verb"])(request, report)
        report.send("result", **result)
    except GoneError:
        return NOT_HEARD
    except NodeError as error:
        return _failed(report, error)
    except OSError as error:
        return _failed(report, of_disk(error, f"{request['verb']} stopped"))
    except Exception as error:  # noqa: BLE001 - the edge of the program: what nobody expected is told too
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
        return _failed(report, NodeError("internal", f"{type(error).__name__}: {error} ({where})"))
    return 0


def _failed(report: Report, error: NodeError) -> int:
    report.send("error", kind=error.kind, message=error.message, hint=error.hint, details=error.details)
    return FAILED


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.stdin.readline())))
