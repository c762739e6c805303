"""The change feed: what was committed to PostgreSQL, by whomever, in commit order.

    triggers   put statement-level triggers on tables; ddl writes their SQL, functions are in sql/
    hidden     which columns they leave out
    channels   the NOTIFY channel of a table
    payload    notifications -> TableChange and Fence, without I/O
    listener   one LISTEN connection for the process; survives the loss of its link
    backlog    warns while PostgreSQL's notification queue fills up
    connect    where that connection leads; link reads it on the event loop
    fence      marks where a transaction's changes end in the stream
    snapshot   is a transaction in a result, or still to come from the stream?

Every name that lives in the database or travels through it has VERSION in it, so that servers of
two versions can be fed from one database while a deploy is under way.
"""
