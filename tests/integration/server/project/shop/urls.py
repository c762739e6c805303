import os
import sys
import threading

from django.http import HttpResponse
from django.urls import path


def home(request):
    return HttpResponse("hello")


def process(request):
    return HttpResponse(str(os.getpid()))


def stuck(request):
    print("stuck", file=sys.stderr, flush=True)
    threading.Event().wait()


urlpatterns = [path("", home), path("process", process), path("stuck", stuck)]
