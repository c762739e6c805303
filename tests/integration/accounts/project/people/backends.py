"""Somebody else knows whose password is right; users appear when they first log in."""

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend

KNOWN = {"dir-1": "from the directory"}


class Directory(BaseBackend):
    def authenticate(self, request, username=None, password=None):
        if KNOWN.get(username) != password:
            return None
        return get_user_model().objects.get_or_create(badge=username)[0]

    def get_user(self, user_id):
        return get_user_model().objects.filter(pk=user_id).first()
