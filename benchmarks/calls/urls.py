from django.urls import path

from benchmarks.calls import views

urlpatterns = [
    path("echo", views.echo),
    path("write", views.write),
    path("kept/echo", views.kept_echo),
    path("kept/write", views.kept_write),
]
