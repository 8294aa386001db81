"""What a model is: its shape, its weights, its KV cache; read from its repository, never from its weights."""
