"""What every cloud shares: what it is asked for, what it answers, and how what it made is known again."""
