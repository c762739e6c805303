"""No models; Django sends `post_migrate`, which installs triggers, only to apps with this module."""
