"""What the server says of itself while a level runs: its metrics, its GPUs, and what the machines are."""
