"""`manage.py load_bookstore`: a dozen authors and some sixty books, the same ones each time."""

import datetime
import random
from decimal import Decimal

from django.core.management.base import BaseCommand
from django.db import transaction

from bookstore.models import Author, Book

AUTHORS = {
    "Ada Okafor": "ada@example.com",
    "Bjørn Lindqvist": "bjorn@example.com",
    "Chiara Moretti": "chiara@example.com",
    "Daniel Abebe": "daniel@example.com",
    "Élise Fournier": "elise@example.com",
    "Farid Haddad": "farid@example.com",
    "Greta Vogel": "greta@example.com",
    "Hana Kobayashi": "hana@example.com",
    "Ivo Petrov": "ivo@example.com",
    "Jane Whitmore": "jane@example.com",
    "Kemal Demir": "kemal@example.com",
    "Lucía Romero": "lucia@example.com",
}
ADJECTIVES = [
    "Quiet",
    "Borrowed",
    "Last",
    "Salted",
    "Invisible",
    "Paper",
    "Northern",
    "Second",
    "Broken",
    "Golden",
]
NOUNS = [
    "Harbour",
    "Orchard",
    "Winter",
    "Cartographer",
    "Lighthouse",
    "Garden",
    "Letter",
    "Machine",
    "River",
]
PLACES = ["Lisbon", "Tromsø", "Trieste", "Aleppo", "Kyoto", "Valparaíso", "Odessa", "Zanzibar"]
PATTERNS = (
    "The {adjective} {noun}",
    "A {noun} in {place}",
    "{adjective} {noun}s",
    "The {noun} of {place}",
    "{place}, {adjective}",
)
BOOKS = 60


class Command(BaseCommand):
    help = "Loads the sample bookstore into an empty database."

    @transaction.atomic
    def handle(self, **options):
        if Author.objects.exists():
            self.stdout.write("The bookstore has authors already: nothing loaded.")
            return
        authors = Author.objects.bulk_create(
            Author(name=name, email=email) for name, email in AUTHORS.items()
        )
        books = Book.objects.bulk_create(generate_books(authors))
        self.stdout.write(f"Loaded {len(authors)} authors and {len(books)} books.")


def generate_books(authors):
    chance = random.Random(2016)
    titles = set()
    while len(titles) < BOOKS:
        title = chance.choice(PATTERNS).format(
            adjective=chance.choice(ADJECTIVES),
            noun=chance.choice(NOUNS),
            place=chance.choice(PLACES),
        )
        if title in titles:
            continue
        titles.add(title)
        yield Book(
            title=title,
            author=authors[len(titles) % len(authors)],
            pages=chance.randrange(80, 720),
            price=Decimal(chance.randrange(499, 3999)) / 100,
            published=generate_date(chance),
        )


def generate_date(chance):
    """Most books are published; None: not yet."""
    if chance.random() < 0.1:
        return None
    return datetime.date(1950, 1, 1) + datetime.timedelta(days=chance.randrange(27_000))
