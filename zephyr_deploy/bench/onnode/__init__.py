"""Load from the machine that serves: no network is in the figures. What runs there needs Python and nothing else."""
