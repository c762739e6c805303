"""What this app offers to clients."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from dddp.accounts.browser_session import log_in_by_session
from dddp.accounts.conf import conf
from dddp.accounts.methods import Accounts
from dddp.accounts.models import LoginToken
from dddp.accounts.users import Users
from dddp.api import API, Publication, this

SECRET_FIELD = "secret"  # noqa: S105, a name


class CurrentUser(Publication):
    """The user's own document, to whoever is logged in: Meteor clients wait for it."""

    name = "dddp.accounts.current_user"
    universal = True

    def get_queries(self) -> Any:
        if this.user_id is None:
            return None
        return [(get_user_model()._base_manager.filter(pk=this.user_id), Users.name)]


class LoginServices(Publication):
    """`DDP_ACCOUNTS_LOGIN_SERVICES` without what is secret; stock clients subscribe to it."""

    name = "meteor.loginServiceConfiguration"

    def publish(self) -> None:
        for service, configuration in conf.login_services.items():
            shown = {key: value for key, value in configuration.items() if key != SECRET_FIELD}
            fields = {"service": service, **shown}
            self.added("meteor_accounts_loginServiceConfiguration", service, fields)
        self.ready()


API.register([import_string(conf.users), CurrentUser, LoginServices, Accounts])
API.watch(LoginToken)
if conf.session_login:
    API.on_connection(log_in_by_session)
