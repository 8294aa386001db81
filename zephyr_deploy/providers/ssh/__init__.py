"""Machines of the user's own, reached over SSH."""
