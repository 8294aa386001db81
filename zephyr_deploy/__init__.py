"""zephyr-deploy: from nothing to a healthy, private LLM endpoint, and back to nothing."""

__version__ = "0.1.0.dev0"
