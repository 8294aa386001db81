"""A benchmark's report as one page of HTML."""
