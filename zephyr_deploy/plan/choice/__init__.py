"""The cheapest way that meets what is asked, and why the others lost."""
