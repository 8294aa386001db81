"""What every provider of machines shares: which they are, how they are reached, what is on them."""
