"""What a new release has to pass before it is kept, and how it is taken back where it does not."""
