"""Puts a load on a server: when conversations begin, and what is written down of each request."""

from __future__ import annotations

from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.client import LoadClient
from zephyr_deploy.bench.load.closed import closed_loop
from zephyr_deploy.bench.load.converse import send_one
from zephyr_deploy.bench.load.drive import drive
from zephyr_deploy.bench.load.open import open_loop
from zephyr_deploy.bench.load.plan import Course, for_count, for_time

__all__ = ["Board", "Course", "LoadClient", "closed_loop", "drive", "for_count", "for_time", "open_loop", "send_one"]
