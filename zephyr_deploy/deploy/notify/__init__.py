"""Tells those whom ``[notify]`` names how a run ended, or what is about to end."""
