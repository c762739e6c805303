"""Links in mails: forgotten passwords, first passwords, addresses."""

import asyncio
import datetime as dt
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from people import (
    CLOSED,
    LOGGED_OUT,
    MATCH_FAILED,
    PASSWORD,
    by_name,
    digest,
    refusal,
    same,
)

from dddp.accounts import background, logging_in, signals, sweeping
from dddp.accounts.api import (
    send_enrollment_email,
    send_reset_password_email,
    send_verification_email,
    validate_login,
)
from dddp.accounts.models import MailToken, VerifiedEmail, hashed
from dddp.api import MeteorError
from dddp.exceptions import ConfigurationError
from tools.inprocess import db

NEW = "another one, longer"
TOKEN_EXPIRED = MeteorError(403, "Token expired")


def token_in(message, path):
    """The token of the link in a mail."""
    return re.search(rf"https://example\.org/#/{path}/([\w-]{{43}})\n", message.body + "\n")[1]


async def expire():
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    await db(lambda: MailToken.objects.update(expires=past))


class TestForgotPassword:
    async def test_sends_a_link(self, client, ada, sent):
        assert await client.call("forgotPassword", {"email": "ADA@example.org"}) is None
        (message,) = await sent()
        assert message.to == ["ada@example.org"]
        assert message.subject == "How to reset your password on https://example.org/"
        token = token_in(message, "reset-password")
        (row,) = await db(lambda: list(MailToken.objects.all()))
        assert row.hashed_token == hashed(token)
        assert dt.timedelta(days=2.9) < row.expires - row.created < dt.timedelta(days=3.1)

    async def test_says_the_same_of_nobody(self, client, ada, sent):
        await db(lambda: get_user_model().objects.create_user("old", "old@example.org"))
        await db(lambda: get_user_model().objects.filter(username="ada").update(is_active=False))
        for address in ("nobody@example.org", "old@example.org", "ada@example.org", "x"):
            assert await client.call("forgotPassword", {"email": address}) is None
        assert await sent() == []

    async def test_not_one_mail_after_the_other(self, client, ada, sent):
        for _ in range(3):
            await client.call("forgotPassword", {"email": "ada@example.org"})
        assert len(await sent()) == 1

    async def test_shapes(self, client):
        for options in [None, "a@b.c", {}, {"email": 5}, {"email": ""}, {"email": ["a@b.c"]},
                        {"email": "a@b.c", "more": 1}]:  # fmt: skip
            assert same(await refusal(client, "forgotPassword", options), MATCH_FAILED)

    async def test_failures_are_the_servers_own(self, client, ada, sent, configure, caplog):
        configure(DDP_ACCOUNTS_ROOT_URL=None)
        assert await client.call("forgotPassword", {"email": "ada@example.org"}) is None
        await sent()
        assert "Set DDP_ACCOUNTS_ROOT_URL" in caplog.text

    async def test_too_many_are_dropped(self, client, ada, sent, monkeypatch, caplog):
        monkeypatch.setattr(background._room, "acquire", lambda blocking: False)
        await client.call("forgotPassword", {"email": "ada@example.org"})
        assert await sent() == []
        assert "this one is dropped" in caplog.text


class TestResetPassword:
    @pytest.fixture
    async def token(self, client, ada, sent):
        await client.call("forgotPassword", {"email": "ada@example.org"})
        (message,) = await sent()
        return token_in(message, "reset-password")

    @pytest.mark.parametrize("password", [NEW, digest(NEW)])
    async def test_logs_in_and_all_others_out(self, client, connect, ada, token, password):
        other = await connect()
        lost = (await other.call("login", by_name("ada", PASSWORD)))["token"]
        result = await client.call("resetPassword", token, password)
        assert (result["id"], result["type"]) == (str(ada.pk), "password")
        assert set(result) == {"id", "token", "tokenExpires", "type"}
        assert await other.wait_closed() == CLOSED
        again = await connect()
        assert same(await refusal(again, "login", {"resume": lost}), LOGGED_OUT)
        await again.call("login", {"resume": result["token"]})
        await again.call("login", by_name("ada", NEW))
        document = client.collections["users"][str(ada.pk)]
        assert document["emails"] == [{"address": "ada@example.org", "verified": True}]

    async def test_by_who_is_logged_in(self, client, ada, token):
        await client.call("login", by_name("ada", PASSWORD))
        await client.call("resetPassword", token, NEW)
        await client.call("logout")

    async def test_works_once(self, client, connect, token):
        clients = [client, await connect(), await connect()]
        calls = [each.call("resetPassword", token, NEW + each.session) for each in clients]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        errors = [each for each in answers if isinstance(each, MeteorError)]
        assert len(errors) == 2
        assert all(same(each, TOKEN_EXPIRED) for each in errors)
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)

    async def test_the_newest_is_the_only_one(self, client, ada, token, sent):
        await db(send_reset_password_email, ada)
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)
        (message,) = await sent()
        await client.call("resetPassword", token_in(message, "reset-password"), NEW)

    async def test_not_after_it_has_expired(self, client, token):
        await expire()
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)
        assert await db(sweeping.sweep) == 1

    @pytest.mark.parametrize("token", ["x", "a" * 43, "__class__"])
    async def test_not_by_guessing(self, client, ada, token):
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)

    async def test_not_with_what_is_stored(self, client, token):
        stored = await db(lambda: MailToken.objects.get().hashed_token)
        assert same(await refusal(client, "resetPassword", stored, NEW), TOKEN_EXPIRED)

    async def test_not_as_a_login_token(self, client, token):
        assert same(await refusal(client, "login", {"resume": token}), LOGGED_OUT)

    async def test_not_for_an_inactive_user(self, client, token):
        await db(lambda: get_user_model().objects.update(is_active=False))
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)

    async def test_not_after_the_password_has_changed(self, client, ada, token):
        await db(lambda: get_user_model().objects.update(password="!"))
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)

    async def test_not_after_the_address_has_changed(self, client, ada, token):
        await db(lambda: get_user_model().objects.update(email="new@example.org"))
        expected = MeteorError(403, "Token has invalid email address")
        assert same(await refusal(client, "resetPassword", token, NEW), expected)

    async def test_a_bad_password_does_not_use_it_up(self, client, token, configure):
        name = "django.contrib.auth.password_validation.MinimumLengthValidator"
        configure(AUTH_PASSWORD_VALIDATORS=[{"NAME": name}])
        assert "too short" in (await refusal(client, "resetPassword", token, "x")).reason
        for params in [(5, NEW), (token, 5), (token, None), (None, NEW), (token, "")]:
            assert same(await refusal(client, "resetPassword", *params), MATCH_FAILED)
        await client.call("resetPassword", token, NEW)

    async def test_without_a_login_the_caller_is_who_he_was(
        self, client, connect, ada, token, monkeypatch
    ):
        await db(lambda: get_user_model().objects.create_user("eve", password=PASSWORD))
        monkeypatch.setattr(logging_in, "_hooks", [lambda attempt: attempt.user.pk != ada.pk])
        mine = (await client.call("login", by_name("eve", PASSWORD)))["token"]
        error = await refusal(client, "resetPassword", token, NEW)
        assert same(error, MeteorError(403, "Login forbidden"))
        await client.call("logout")
        again = await connect()
        assert same(await refusal(again, "login", {"resume": mine}), LOGGED_OUT)


class TestEnroll:
    async def test_a_first_password(self, client, connect, sent):
        user = await db(lambda: get_user_model().objects.create_user("eve", "eve@example.org"))
        await db(send_enrollment_email, user)
        (message,) = await sent()
        token = token_in(message, "enroll-account")
        row = await db(MailToken.objects.get)
        assert dt.timedelta(days=29.9) < row.expires - row.created < dt.timedelta(days=30.1)
        assert (await client.call("resetPassword", token, digest(NEW)))["id"] == str(user.pk)
        await (await connect()).call("login", by_name("eve", digest(NEW)))

    async def test_needs_an_address(self, hub):
        user = await db(lambda: get_user_model().objects.create_user("eve"))
        with pytest.raises(MeteorError):
            await db(send_enrollment_email, user)

    async def test_needs_the_sites_address(self, ada, configure):
        configure(DDP_ACCOUNTS_ROOT_URL="")
        with pytest.raises(ConfigurationError):
            await db(send_enrollment_email, ada)


class TestVerifyEmail:
    @pytest.fixture
    async def token(self, ada, sent):
        await db(send_verification_email, ada)
        (message,) = await sent()
        return token_in(message, "verify-email")

    async def test_verifies_and_logs_in(self, client, ada, token):
        result = await client.call("verifyEmail", token)
        assert (result["id"], result["type"]) == (str(ada.pk), "password")
        document = client.collections["users"][str(ada.pk)]
        assert document["emails"] == [{"address": "ada@example.org", "verified": True}]
        expected = MeteorError(403, "Verify email link expired")
        assert same(await refusal(client, "verifyEmail", token), expected)

    async def test_of_another_address(self, client, ada, token):
        await db(lambda: get_user_model().objects.update(email="new@example.org"))
        expected = MeteorError(403, "Verify email link is for unknown address")
        assert same(await refusal(client, "verifyEmail", token), expected)

    async def test_not_after_it_has_expired(self, client, token):
        await expire()
        expected = MeteorError(403, "Verify email link expired")
        assert same(await refusal(client, "verifyEmail", token), expected)

    async def test_is_no_other_link(self, client, token):
        assert same(await refusal(client, "resetPassword", token, NEW), TOKEN_EXPIRED)

    async def test_a_new_address_is_not_verified(self, client, ada, token):
        await client.call("verifyEmail", token)
        await db(lambda: get_user_model().objects.update(email="new@example.org"))
        expected = [{"address": "new@example.org", "verified": False}]
        await client.wait_for(
            lambda: client.collections["users"][str(ada.pk)]["emails"] == expected
        )

    async def test_what_is_verified_is_not_verified_again(self, ada, hub):
        await db(lambda: VerifiedEmail.objects.create(user=ada, address=ada.email))
        with pytest.raises(MeteorError):
            await db(send_verification_email, ada)

    async def test_after_signing_up(self, client, sent, configure):
        configure(DDP_ACCOUNTS_SEND_VERIFICATION=True)
        await client.call("createUser", {"email": "eve@example.org", "password": PASSWORD})
        (message,) = await sent()
        await client.call("verifyEmail", token_in(message, "verify-email"))


class TestOnlyVerified:
    """A `validate_login` function may wait for the address to be verified."""

    @pytest.fixture(autouse=True)
    def _only_verified(self, monkeypatch, configure):
        monkeypatch.setattr(logging_in, "_hooks", [])
        configure(DDP_ACCOUNTS_SEND_VERIFICATION=True)

        @validate_login
        def only_verified(attempt):
            user = attempt.user
            if not user.ddp_verified_emails.filter(address=user.email).exists():
                raise MeteorError(403, "Please open the link in the mail first.")

    async def test_who_signs_up_is_there_and_has_to_wait(self, client, sent):
        options = {"email": "eve@example.org", "password": PASSWORD}
        error = await refusal(client, "createUser", options)
        assert error.reason == "Please open the link in the mail first."
        options = {"user": {"email": "eve@example.org"}, "password": PASSWORD}
        assert (await refusal(client, "login", options)).reason == error.reason
        (message,) = await sent()
        await client.call("verifyEmail", token_in(message, "verify-email"))
        await client.call("login", options)


class TestOwnMails:
    @pytest.fixture
    def receive(self):
        receivers = []

        def connect(receiver):
            receivers.append(receiver)
            signals.mail_sending.connect(receiver)

        yield connect
        for receiver in receivers:
            signals.mail_sending.disconnect(receiver)

    async def test_can_be_changed(self, ada, sent, receive):
        def sign(message, link, token, purpose, **kwargs):
            assert link.endswith(token)
            message.subject = purpose

        receive(sign)
        await db(send_reset_password_email, ada)
        assert [message.subject for message in await sent()] == ["reset"]

    async def test_can_be_sent_otherwise(self, ada, sent, receive):
        receive(lambda **kwargs: False)
        await db(send_reset_password_email, ada)
        assert await sent() == []

    async def test_other_links(self, ada, sent, configure):
        configure(DDP_ACCOUNTS_LINKS={"reset": "{root}/reset?{token}"})
        await db(send_reset_password_email, ada)
        (message,) = await sent()
        assert "https://example.org/reset?" in message.body

    async def test_nothing_is_sent_of_what_is_rolled_back(self, ada, sent):
        def fail():
            with transaction.atomic():
                send_reset_password_email(ada)
                transaction.set_rollback(True)

        await db(fail)
        assert await sent() == []
