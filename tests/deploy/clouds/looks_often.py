"""The program, whose machines look every five seconds, and not every minute, whether their time is over."""

import functools
from datetime import timedelta

from zephyr_deploy.__main__ import run
from zephyr_deploy.deploy.clouds import launch

launch.user_data = functools.partial(launch.user_data, every=timedelta(seconds=5))
run()
