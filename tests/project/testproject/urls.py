from myproject.urls import urlpatterns

__all__ = ["urlpatterns"]
