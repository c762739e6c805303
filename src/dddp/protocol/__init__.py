"""DDP without I/O: text in, events and frames out. The caller owns sockets, clock and queues."""
