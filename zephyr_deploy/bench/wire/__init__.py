"""The measuring core: own sockets, the kernel's receive stamps, nothing but reads while a stream runs."""
