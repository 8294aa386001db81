"""What stands for TGI's image in the lab: TGI's launcher on the outside, llama.cpp and the gateway within.

Real are: arguments and environment, the cache's layout and the download (by huggingface_hub, as in TGI), ports,
readiness, answers with real tokens, draining, exit codes, and the log lines that people and programs look for.
What it leaves out: GPUs, several shards, quantization, and all texts that nobody matches. The weights of a
repository must be GGUF bytes in the first of its ``.safetensors`` files.
"""
