"""What nodes meet on the lab's network; runs in a container of its own, with the standard library alone."""
