"""One version of the service."""
