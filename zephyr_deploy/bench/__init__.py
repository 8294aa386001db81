"""Load, timing, statistics, report."""
