"""What one client has: its ordered queue, its subscriptions, what it sees and what waits for it.

Everything here runs on one event loop and is touched by that loop's thread only. User code
(publications, methods) crosses into threads in `dddp.session.work` and nowhere else. A session
never sees a socket: a transport feeds `Session.receive` and drains `Session.outbox`.
"""
