"""The page at / and the admin; DDP has its own paths, /websocket and /sockjs."""

from django.contrib import admin
from django.urls import path

from bookstore.views import index

urlpatterns = [
    path("", index, name="index"),
    path("admin/", admin.site.urls),
]
