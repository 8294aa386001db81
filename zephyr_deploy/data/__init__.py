"""Dated tables with their sources; no code."""
