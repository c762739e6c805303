"""No models; their module makes Django send `post_migrate` for this app, which installs triggers."""
