"""The same in views: plain ones, and ones whose threads keep their database connections.

Under ASGI Django gives each request a thread and a connection of its own; a method's thread keeps
both. The second kind of view does as well: what is compared is then the rest.
"""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks.calls import work


@csrf_exempt
def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"result": work.echo(json.loads(request.body))})


@csrf_exempt
def write(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"result": _write(json.loads(request.body))})


@csrf_exempt
async def kept_write(request: HttpRequest) -> JsonResponse:
    pages = json.loads(request.body)
    return JsonResponse({"result": await sync_to_async(_write, thread_sensitive=False)(pages)})


@csrf_exempt
async def kept_echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"result": work.echo(json.loads(request.body))})


def _write(pages: Any) -> int:
    # Each method has a transaction.
    with transaction.atomic():
        return work.write(pages)
