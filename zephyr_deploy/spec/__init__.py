"""What the user wants: zephyr.toml, environment and flags become one `Deployment`."""
