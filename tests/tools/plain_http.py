"""A server's SockJS URLs, asked with plain HTTP."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dddp.testing.http import Response, request

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str


class SockJSSite:
    """`base` is the URL that a SockJS client would be given."""

    def __init__(self, base: str) -> None:
        self.base = base

    async def ask(
        self, method: str, path: str, body: str = "", headers: Headers | None = None
    ) -> Answer:
        async with self.begin(method, path, body, headers) as response:
            text = (await response.read()).decode()
            return Answer(response.status, response.headers, text)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=named(headers))

    async def post(self, path: str, body: str = "", **headers: str) -> Answer:
        return await self.ask("POST", path, body, named(headers))

    @asynccontextmanager
    async def begin(
        self, method: str, path: str, body: str = "", headers: Headers | None = None
    ) -> AsyncIterator[Response]:
        """A request whose answer is read little by little, and left at the end."""
        sent = await request(method, self.base + path, body.encode(), headers)
        async with sent as response:
            yield response

    def session(self) -> str:
        """The path of a new session."""
        return f"/000/{uuid.uuid4()}"


def named(headers: Headers) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
