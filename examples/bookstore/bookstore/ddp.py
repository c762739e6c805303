"""What DDP clients of the bookstore may see and do."""

from django.core.exceptions import ValidationError

from bookstore import models
from dddp.api import API, APIMixin, Collection, MeteorError, Publication, api_endpoint, this


class Author(Collection):
    model = models.Author


class Book(Collection):
    model = models.Book


class Wish(Collection):
    """Each user sees his own, whatever is published."""

    model = models.Wish
    fields = ["book"]
    user_rel = "user"


class AllBooks(Publication):
    queries = [models.Author.objects.all(), models.Book.objects.all()]


class BooksByAuthorEmail(Publication):
    def get_queries(self, author_email):
        return [
            models.Author.objects.filter(email=author_email),
            models.Book.objects.filter(author__email=author_email),
        ]


class MyWishes(Publication):
    queries = [models.Wish.objects.all()]


class Bookstore(APIMixin):
    """Anyone may edit: it is a demo. Wishes are kept for those who have logged in."""

    api_path_prefix = "bookstore/"

    @api_endpoint
    def add_book(self, book):
        """Add a book from {title, author_id, pages, price}; returns its id."""
        if not isinstance(book, dict) or book.keys() - {"title", "author_id", "pages", "price"}:
            raise MeteorError("invalid", "A book has a title, author_id, pages and price.")
        return save(models.Book(), **book)

    @api_endpoint
    def rename_book(self, book_id, title):
        return save(find_book(book_id), title=title)

    @api_endpoint
    def set_pages(self, book_id, pages):
        return save(find_book(book_id), pages=pages)

    @api_endpoint
    def set_price(self, book_id, price):
        return save(find_book(book_id), price=price)

    @api_endpoint
    def delete_book(self, book_id):
        find_book(book_id).delete()

    @api_endpoint
    def set_wish(self, book_id, is_wanted: bool):
        """Put a book on the caller's list of wishes, or take it off."""
        if this.user_id is None:
            raise MeteorError(403, "Log in to keep a list of wishes.")
        wish = {"user_id": this.user_id, "book": find_book(book_id)}
        if is_wanted:
            models.Wish.objects.get_or_create(**wish)
        else:
            models.Wish.objects.filter(**wish).delete()


def find_book(book_id):
    try:
        return models.Book.objects.select_for_update().get(pk=book_id)
    except (models.Book.DoesNotExist, TypeError, ValueError):
        raise MeteorError("not-found", "There is no such book any more.") from None


def save(book, **values):
    for name, value in values.items():
        setattr(book, name, value)
    try:
        book.full_clean()
    except ValidationError as error:
        reason = " ".join(f"{name}: {said[0]}" for name, said in error.message_dict.items())
        raise MeteorError("invalid", reason, error.message_dict) from None
    book.save()
    return str(book.pk)


API.register([Author, Book, Wish, AllBooks, BooksByAuthorEmail, MyWishes, Bookstore])
