"""The bookstore as Django Channels' users serve it, in an environment of its own: no dddp here."""
