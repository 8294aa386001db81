"""What it takes: from a `Deployment` and the facts of a machine to a `Plan`."""
