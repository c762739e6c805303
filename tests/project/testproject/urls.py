from django.urls import re_path

from dddp.views import MeteorView
from myproject.urls import urlpatterns as bookstore

urlpatterns = [
    *bookstore,
    # Serves what DDP_METEOR_BUNDLE names.
    re_path(r"^shop/(?P<path>.*)$", MeteorView.as_view()),
]
