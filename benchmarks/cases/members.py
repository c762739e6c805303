"""Queries over a many-to-many relation: messages of the channels one is a member of."""

from __future__ import annotations

import asyncio

from benchmarks.cases import Scale
from benchmarks.figures import Table
from benchmarks.kinds import COLUMNS, NOTES, Group, Kind, measure
from benchmarks.live import Contents, Live, Statement, live

CHANNELS = 20
SHARE = 10
"""A channel has one of ten users: a thousand of ten thousand, each in two channels."""
MESSAGES_EACH = 10
FILL = """
    TRUNCATE auth_user, chat_channel, chat_channel_members, chat_message
        RESTART IDENTITY CASCADE;
    INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser,
            is_staff, is_active, date_joined)
        SELECT 'user' || n, '', '', '', '', false, false, true, now()
        FROM generate_series(1, {users}) n;
    INSERT INTO chat_channel (name) SELECT 'Channel ' || n FROM generate_series(1, {channels}) n;
    INSERT INTO chat_channel_members (channel_id, user_id)
        SELECT c, u FROM generate_series(1, {channels}) c, generate_series(1, {users}) u
        WHERE u %% {share} = c %% {share};
    INSERT INTO chat_message (channel_id, text)
        SELECT (n - 1) %% {channels} + 1, 'Message ' || n
        FROM generate_series(1, {channels} * {messages}) n;
    ANALYZE auth_user, chat_channel, chat_channel_members, chat_message
""".replace("%%", "%")
JOINED = "chat_message m JOIN chat_channel_members l ON l.channel_id = m.channel_id"
RIGHT = f"SELECT l.user_id, m.id::text, m.text FROM {JOINED} WHERE l.user_id <= %s"


def run(dsn: str, scale: Scale) -> list[Table]:
    return [asyncio.run(_run(dsn, scale))]


async def _run(dsn: str, scale: Scale) -> Table:
    users = max(scale.subscriptions)
    table = Table(
        f"Members: Message.objects.filter(channel__members=...), {users:,} users, {CHANNELS} "
        f"channels of {users // SHARE:,} members, {MESSAGES_EACH} messages each; one change",
        COLUMNS,
        notes=list(NOTES),
    )
    fill = FILL.format(users=users, channels=CHANNELS, share=SHARE, messages=MESSAGES_EACH)
    async with live(dsn) as scene:
        await scene.execute(fill)
        for size in scale.subscriptions:
            await measure(scene, table, _group(size), size, scale.changes)
    return table


def _group(size: int) -> Group:
    def sent(number: int) -> Statement:
        sql = "INSERT INTO chat_message (channel_id, text) VALUES (%s, %s)"
        return sql, (_channel(number), f"Sent {number}")

    def edited(number: int) -> Statement:
        sql = "UPDATE chat_message SET text = %s WHERE id = %s"
        return sql, (f"Edited {number} of {size}", _message(number))

    def joined(number: int) -> Statement:
        sql = "INSERT INTO chat_channel_members (channel_id, user_id) VALUES (%s, %s)"
        return sql, _elsewhere(number, size)

    def left(number: int) -> Statement:
        sql = "DELETE FROM chat_channel_members WHERE channel_id = %s AND user_id = %s"
        return sql, _elsewhere(number, size)

    def whose(number: int) -> Statement:
        sql = f"SELECT DISTINCT l.user_id, m.id FROM {JOINED} WHERE m.id = ANY(%s)"
        return sql, ([_message(number)],)

    def whose_of_channel(number: int) -> Statement:
        sql = f"SELECT DISTINCT l.user_id, m.id FROM {JOINED} WHERE m.channel_id = ANY(%s)"
        return sql + " AND l.user_id = ANY(%s)", ([_channel(number)], [number % size + 1])

    def has_message(number: int) -> Statement:
        sql = f"SELECT EXISTS (SELECT FROM {JOINED} WHERE l.user_id = %s AND m.id = %s)"
        return sql, (number + 1, _message(number))

    def has_channel(number: int) -> Statement:
        sql = f"SELECT EXISTS (SELECT FROM {JOINED} WHERE l.user_id = %s AND m.channel_id = %s)"
        return sql, (number + 1, _channel(number))

    kinds = [
        Kind("a new message", sent, whose, has_message),
        Kind("a changed one", edited, whose, has_message),
        Kind("a user joins", joined, whose_of_channel, has_channel),
        Kind("a user leaves", left, whose_of_channel, has_channel),
    ]
    return Group("channel__members", _hold, "text", _right, kinds)


def _channel(number: int) -> int:
    return number % CHANNELS + 1


def _message(number: int) -> int:
    return number % (CHANNELS * MESSAGES_EACH) + 1


def _elsewhere(number: int, size: int) -> tuple[int, int]:
    """A channel and a user who is no member of it (see SHARE), another pair each time."""
    user, turn = number % size + 1, number // size
    return (user + turn % (SHARE - 1)) % SHARE + 1 + SHARE * (turn // (SHARE - 1)), user


async def _hold(scene: Live, size: int) -> None:
    from benchmarks.chat.models import Message

    await scene.hold(Message.objects.filter(channel__members=user + 1) for user in range(size))


def _right(scene: Live, size: int) -> dict[int, Contents]:
    right: dict[int, Contents] = {}
    for user, identity, text in scene.connection.execute(RIGHT, (size,)).fetchall():
        right.setdefault(user - 1, {})[identity] = text
    return right
