"""Where a GPU's memory goes, and what would fit."""
