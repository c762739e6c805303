from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

django_application = get_asgi_application()

from benchmarks.peer.consumers import BookConsumer  # noqa: E402, needs the apps

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter([path("books/", BookConsumer.as_asgi())]),
    }
)
