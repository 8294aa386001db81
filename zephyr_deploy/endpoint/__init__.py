"""The running service: client, health, smoke test, chat, metrics, diagnosis."""
