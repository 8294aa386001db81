"""What a node is told to run: takes the program from stdin into memory, and the request after it."""

import json
import os
import sys
import zlib

program = os.memfd_create("zephyr-deploy")
os.write(program, zlib.decompress(sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))))
sys.path.insert(0, "/proc/self/fd/%d" % program)
from zephyr_deploy.agent.main import main  # noqa: E402 - it is only now in the path

sys.exit(main(json.loads(sys.stdin.buffer.readline())))
