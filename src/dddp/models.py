"""No models; with this module Django sends the app `post_migrate`, which installs triggers."""
