"""No models: Django sends `post_migrate`, which installs triggers, to apps that have this module."""
