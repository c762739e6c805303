"""A client that shows what it writes before the server has heard of it."""

from __future__ import annotations

import pytest

from clients.third_party import Refused
from desk.models import Task

pytestmark = pytest.mark.parametrize("start_client", ["meteorrn"], indirect=True)

UNWRITTEN = {
    "done": False,
    "hours": None,
    "day": None,
    "at": None,
    "notes": {},
    "owner_id": None,
    "parent_id": None,
    "labels_ids": [],
    "reviewed": False,
}


async def test_documents_stay_where_they_are(server, start_client):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("Desk")
    id = await client.write("desk.task", "insert", {"text": "write", "priority": 2})
    task = Task.objects.get()
    assert (task.pk, task.text, task.priority) == (id, "write", 2)
    await client.shows({"desk.task": {id: {**UNWRITTEN, "text": "write", "priority": 2}}})
    shown = [id in each.get("desk.task", {}) for each in client.snapshots]
    assert shown == sorted(shown), "it came, and never went"

    await client.write("desk.task", "update", id, {"$set": {"done": True}})
    assert Task.objects.get().done
    await client.write("desk.task", "remove", id)
    assert not Task.objects.exists()
    await client.shows({})


async def test_what_is_refused_disappears(server, start_client):
    client = await start_client()
    await client.connect(server.ws_url)
    await client.subscribe("Desk")
    with pytest.raises(Refused, match="Access denied"):
        await client.write("desk.task", "insert", {"text": "denied"})
    await client.shows({})
