"""Accounts of Meteor clients on Django's users: `INSTALLED_APPS += ["dddp.accounts"]`.

What projects use is in `dddp.accounts.api`, `dddp.accounts.signals` and `dddp.accounts.users`.
Written on the public names of `dddp` only.
"""
