"""permessage-deflate with the WebSocket of node: compressed documents arrive as they are."""

from __future__ import annotations

import asyncio
import json

from bookstore.models import Author, Book
from clients.third_party import HERE

SCRIPT = """
import WebSocket from "ws";
const socket = new WebSocket(process.argv[1]);
const send = (message) => socket.send(JSON.stringify(message));
const seen = { extensions: "", characters: 0, titles: [] };
socket.on("open", () => {
  seen.extensions = socket.extensions;
  send({ msg: "connect", version: "1", support: ["1"] });
  send({ msg: "sub", id: "1", name: "AllBooks", params: [] });
});
socket.on("message", (data) => {
  seen.characters += data.length;
  const message = JSON.parse(data);
  if (message.collection === "bookstore.book") seen.titles.push(message.fields.title);
  if (message.msg === "ready") {
    seen.bytes = socket._socket.bytesRead;
    console.log(JSON.stringify(seen));
    socket.close();
  }
});
"""


async def test_ws(start_server, node_packages):
    server = start_server(settings={"DDP_COMPRESS_BYTES": 200})
    ada = Author.objects.create(name="Ada Okafor", email="ada@example.com")
    titles = [f"{n} {'so much the same ' * 11}é" for n in range(20)] + ["short"]
    Book.objects.bulk_create([Book(title=title, author=ada, pages=1) for title in titles])
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "-e", SCRIPT, server.ws_url),
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    seen = json.loads(output)
    assert seen["extensions"] == "permessage-deflate"
    assert sorted(seen["titles"]) == sorted(titles)
    assert seen["bytes"] < seen["characters"]
