"""Sockets to sessions: the only code that sees ASGI's scope, receive and send.

Each connection has two tasks: the one the server started for it, which reads, and one that
writes. Whichever ends first ends the other; `Session.lost` is called last, exactly once.
Nothing is buffered here: reading waits for `Session.receive`, writing for the server's `send`.
The hub is handed in, so that these modules run without a database.
"""
