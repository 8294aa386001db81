"""One load driven by several processes, where one event loop would not come round to its sockets in time."""
