"""Which settings an engine gets, and why."""
