"""Text Generation Inference, the default engine."""
