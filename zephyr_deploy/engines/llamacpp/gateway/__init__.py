"""The HTTP front that speaks TGI's API and OpenAI's, from llama.cpp's answers."""
