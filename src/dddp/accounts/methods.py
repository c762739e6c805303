"""The methods of Meteor's accounts-base and accounts-password (Meteor 3)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import router, transaction

from dddp.accounts import background, creating, logging_in, mail, mail_tokens, params, tokens
from dddp.accounts.access import require_tls
from dddp.accounts.conf import conf
from dddp.accounts.errors import ChangedMeanwhile, changed_meanwhile, match_failed
from dddp.accounts.lookup import email_of
from dddp.accounts.models import LoginToken, MailToken, fingerprint_of
from dddp.accounts.passwords import check_own_password, require_acceptable, user_with_password
from dddp.accounts.signals import email_verified, password_was_reset
from dddp.api import APIMixin, api_endpoint, this
from dddp.exceptions import MeteorError

NOT_LOGGED_IN = "You are not logged in."
INVALID_TOKEN = "Invalid login token"  # noqa: S105, a sentence


class Accounts(APIMixin):
    """Methods without a prefix: `login`, `logout`, ..."""

    api_path_prefix = ""

    # Without a transaction: what a failed login leaves behind is kept (a password stored anew,
    # what receivers of `user_login_failed` write, a useless token deleted).
    @api_endpoint(transaction=False)
    def login(self, options: Any) -> dict[str, Any]:
        """`{resume}`, `{user, password}` or what a registered login handler takes."""
        if not isinstance(options, dict):
            raise match_failed()
        require_tls()
        # As in Meteor, what is falsy in these two is not there.
        if options.get("resume"):
            return logging_in.resume(params.text(options["resume"]))
        if options.get("password"):
            given = params.options(options, ("user", "password", "code"))
            if "code" in given:
                params.text(given["code"])
            return _with_password(*params.selector(given.get("user")), given["password"])
        return logging_in.log_in(*logging_in.user_for(options))

    @api_endpoint
    def logout(self) -> None:
        """Drop the caller's token; other connections that use it are closed."""
        user, token = this.user, tokens.remembered()
        if this.user_id is None and token is None:
            return
        request = this.request
        if token is not None:
            token.delete()
            if token.kind == LoginToken.Kind.SESSION:
                request.session.flush()  # its cookie would log the client in again
        tokens.leave()
        if user.is_authenticated:
            user_logged_out.send(sender=type(user), request=request, user=user)

    @api_endpoint("getNewToken")
    def get_new_token(self) -> dict[str, Any]:
        """Another token that expires when the old one does; the connection uses it from now on."""
        token = self._token()
        user = tokens.locked(token.user)
        # Whoever held the lock until now may have revoked the token, or changed the password.
        if not tokens.is_good(token, user):
            raise MeteorError(INVALID_TOKEN)
        secret, new = tokens.issue(user, token.expires)
        tokens.use(user, new)
        return logging_in.result(user, secret, new)

    @api_endpoint("removeOtherTokens")
    def remove_other_tokens(self) -> None:
        """Log out everywhere else."""
        if this.user_id is None:
            raise MeteorError(NOT_LOGGED_IN)
        tokens.drop(this.user, keep=tokens.current())

    # Two transactions, here and below: what was done is kept when the login is refused, because
    # the address has to be verified first, say.
    @api_endpoint("createUser", transaction=False)
    def create_user(self, options: Any) -> dict[str, Any]:
        """`{username, email, password, profile}`; the caller is logged in as the new user."""
        given = params.options(options, ("username", "email", "password", "profile"))
        if not conf.signup:
            raise MeteorError(403, "Signups forbidden")
        require_tls()
        username, email = (_optional(given.get(name)) for name in ("username", "email"))
        if not username and not email:
            raise MeteorError(400, "Need to set a username or email")
        password = None
        if given.get("password") is not None:
            password = params.new_password(given["password"])
        profile = given.get("profile", {})
        if not isinstance(profile, dict):
            raise match_failed()
        user = creating.create_user(username, email, password, profile)
        if conf.send_verification and email:
            mail.send_verification_email(user)
        return logging_in.log_in(user, "password")

    # Wrong passwords are counted outside of the transaction, which may be the cache's as well.
    @api_endpoint("changePassword", transaction=False)
    def change_password(self, old: Any, new: Any) -> dict[str, Any]:
        """Logs the user out everywhere else."""
        if this.user_id is None:
            raise MeteorError(401, "Must be logged in")
        require_tls()
        claimed, wanted = params.password(old), params.new_password(new)
        checked = this.user
        check_own_password(checked, claimed)
        require_acceptable(wanted, checked)
        with transaction.atomic(using=router.db_for_write(LoginToken)):
            user, token = tokens.locked(checked), tokens.current()
            if user is None or user.password != checked.password:
                raise changed_meanwhile()
            user.set_password(wanted)
            if token is not None:
                mine = LoginToken.objects.filter(pk=token.pk)
                mine.update(password_fingerprint=fingerprint_of(user))
            user.save(update_fields=["password"])
        return {"passwordChanged": True}

    @api_endpoint("forgotPassword")
    def forgot_password(self, options: Any) -> None:
        """`{email}`: send a link, if there is such a user, which is not told."""
        address = params.text(params.options(options, ("email",)).get("email"))
        background.submit_some_time(mail.forgotten, address)

    @api_endpoint("resetPassword", transaction=False)
    def reset_password(self, token: Any, password: Any) -> dict[str, Any]:
        """Set a password with the token of a link; the caller is logged in, all others out."""
        require_tls()
        secret, wanted = params.text(token), params.new_password(password)
        with transaction.atomic(using=router.db_for_write(MailToken)):
            user = mail_tokens.user_of_reset(secret)
            # The caller's own token may be among those that are dropped. It is forgotten by the
            # login only, which may be refused.
            this.set_user_id(None)
            require_acceptable(wanted, user)
            user.set_password(wanted)
            user.save(update_fields=["password"])
            mail.verify(user)
            request = this.request
            password_was_reset.send(sender=get_user_model(), user=user, request=request)
        return logging_in.log_in(user, "password")

    @api_endpoint("verifyEmail", transaction=False)
    def verify_email(self, token: Any) -> dict[str, Any]:
        """The link of a mail was opened: the address is the user's, and the caller logged in."""
        require_tls()
        secret = params.text(token)
        with transaction.atomic(using=router.db_for_write(MailToken)):
            user = mail_tokens.user_of_verification(secret)
            mail.verify(user)
            email_verified.send(sender=get_user_model(), user=user, address=email_of(user))
        return logging_in.log_in(user, "password")

    @api_endpoint("configureLoginService")
    def configure_login_service(self, options: Any) -> None:
        """Services are configured in the settings only."""
        if not isinstance(options, dict):
            raise match_failed()
        service = params.text(options.get("service"))
        if service in conf.login_services:
            raise MeteorError(403, f"Service {service} already configured")
        raise MeteorError(403, "Service unknown")

    def _token(self) -> LoginToken:
        if this.user_id is None:
            raise MeteorError(NOT_LOGGED_IN)
        token = tokens.current()
        if token is None:
            raise MeteorError(INVALID_TOKEN)
        return token


def _with_password(key: str, value: str, sent: Any) -> dict[str, Any]:
    password = params.password(sent)
    try:
        return logging_in.log_in(user_with_password(key, value, password), "password")
    except ChangedMeanwhile:
        # Another login may have had the same password stored anew.
        return logging_in.log_in(user_with_password(key, value, password), "password")


def _optional(value: Any) -> str:
    return "" if value is None or value == "" else params.text(value)
