"""llama.cpp, the embedded engine, behind a gateway that speaks TGI's API."""
