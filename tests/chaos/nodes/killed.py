"""`up` or `redeploy` in a process that dies at a moment: its arguments are the verb, the moment and the deployment."""

import os
import signal
import sys

from chaos.nodes.laptop import At

from zephyr_deploy import up
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.spec.deployment import Deployment

verb, moment, wish = sys.argv[1], sys.argv[2], Deployment.model_validate_json(sys.argv[3])
die = At(moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
options = RolloutOptions(prepare=False)
if verb == "up":
    up(wish, listener=die, rollout_options=options)
else:
    redeploy(wish, options, die)
