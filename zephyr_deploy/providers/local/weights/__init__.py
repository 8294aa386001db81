"""The files of models: found, fetched, checked."""
