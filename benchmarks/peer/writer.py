"""Saves a book for each line of standard input, a number; answers with when it began to save."""

import sys
import time

import django

django.setup()

from benchmarks.peer import consumers  # noqa: E402, F401, its observer sees the saves
from bookstore.models import Book  # noqa: E402, needs the apps

print("Listening on nothing", flush=True)
for line in sys.stdin:
    number = int(line)
    book = Book.objects.get(pk=number % 50 + 1)
    book.pages = number
    begin = time.perf_counter()
    book.save()
    print(begin, flush=True)
