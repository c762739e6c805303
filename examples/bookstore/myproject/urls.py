"""The page at / and the admin; DDP has its own paths, /websocket and /sockjs."""

from django.contrib import admin
from django.urls import path
from django.views.generic import TemplateView

from bookstore.views import index

urlpatterns = [
    path("", index, name="index"),
    # The books once more, as small as it gets: see docs/howto.md, "A front end without Meteor".
    path("plain/", TemplateView.as_view(template_name="bookstore/plain.html")),
    path("react/", TemplateView.as_view(template_name="bookstore/react.html")),
    path("admin/", admin.site.urls),
]
