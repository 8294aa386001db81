"""What is asked: prompts of plain words, those of a file, and the lengths of a trace."""
