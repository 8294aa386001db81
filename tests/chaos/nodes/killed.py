"""`up` or `redeploy` in a process that dies at a moment: the verb, the moment, the deployment, the node's host key."""

import os
import signal
import sys

from chaos.nodes.laptop import At

from zephyr_deploy import up
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.spec.deployment import Deployment

verb, moment, wish, fingerprint = *sys.argv[1:3], Deployment.model_validate_json(sys.argv[3]), sys.argv[4]
die = At(moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
options = RolloutOptions(trust=Trust(fingerprint=fingerprint), prepare=False)
if verb == "up":
    up(wish, listener=die, rollout_options=options)
else:
    redeploy(wish, options, die)
