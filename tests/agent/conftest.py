"""What the node's program meets: somebody who listens, and a server of files."""

import io
import json
import os
import threading

import pytest
from emulators.files import FileServer

from zephyr_deploy.agent.report import Report


class Heard:
    """The other end of a report: reads what was sent."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.report = Report(self.writer)

    def events(self):
        """Everything that was sent; closes the report."""
        os.close(self.writer)
        with os.fdopen(self.reader) as file:
            return [json.loads(line) for line in io.StringIO(file.read())]

    def hang_up(self):
        """Be gone: the next write fails."""
        os.close(self.reader)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def server():
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
