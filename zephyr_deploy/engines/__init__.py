"""How a server is run and spoken to."""
