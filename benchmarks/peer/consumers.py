"""Every book, and every change of one, as djangochannelsrestframework's documentation does it."""

from djangochannelsrestframework.decorators import action
from djangochannelsrestframework.generics import GenericAsyncAPIConsumer
from djangochannelsrestframework.mixins import ListModelMixin
from djangochannelsrestframework.observer import model_observer
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer

from bookstore.models import Book


class BookSerializer(ModelSerializer):
    class Meta:
        model = Book
        fields = ["id", "title", "author", "pages", "price", "published"]


class BookConsumer(ListModelMixin, GenericAsyncAPIConsumer):
    queryset = Book.objects.all()
    serializer_class = BookSerializer
    permission_classes = [AllowAny]

    @model_observer(Book, serializer_class=BookSerializer)
    async def book_changed(self, message, observer=None, **kwargs):
        await self.send_json(message)

    @action()
    async def subscribe_books(self, request_id, **kwargs):
        await self.book_changed.subscribe(request_id=request_id)
        return {}, 201
