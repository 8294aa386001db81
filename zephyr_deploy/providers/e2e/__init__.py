"""E2E Networks' GPU nodes, through its MyAccount API."""
