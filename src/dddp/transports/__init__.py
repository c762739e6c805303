"""Sockets to sessions: the only code that sees ASGI's scope, receive and send.

Each WebSocket has two tasks: the one the server started for it, which reads, and one that
writes. Whichever ends first ends the other; `Session.lost` is called last, exactly once. Over HTTP
so has each response that carries messages; `sockjs_sessions` holds a session between them.
Nothing is buffered here: reading waits for `Session.receive`, writing for the server's `send`.
The hub is handed in, so that these modules run without a database.
"""
