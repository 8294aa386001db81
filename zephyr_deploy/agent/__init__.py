"""What runs on a node: one Python program of the standard library alone, sent over the connection at every call.

Nothing is installed on the node, so there is no version to keep in step. A call is one request in, JSON lines out
(see `zephyr_deploy.agent.report`). It must run on Python 3.8, which the oldest system that we support brings, and
imports nothing of the rest of the package.
"""
