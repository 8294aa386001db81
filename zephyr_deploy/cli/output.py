"""The one object through which commands speak: data to stdout, everything else to stderr."""
