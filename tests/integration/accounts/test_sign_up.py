"""`createUser`: who may, with what, and what it is answered with."""

import asyncio

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from people import CHECK, MATCH_FAILED, PASSWORD, by_name, digest, refusal, same

from dddp.accounts import creating
from dddp.accounts.api import validate_new_user
from dddp.api import MeteorError
from tools.inprocess import db
from tools.talking import method, names

VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]


def users():
    return get_user_model().objects


async def test_result_and_order(talk):
    options = {"username": "eve", "email": "eve@EXAMPLE.org", "password": digest(PASSWORD)}
    heard = await talk.say(method("1", "createUser", options))
    assert names(heard) == ["added", "updated", "result"]
    result = heard[-1]["result"]
    assert set(result) == {"id", "token", "tokenExpires", "type"}
    assert result["type"] == "password"
    assert heard[0]["id"] == result["id"]
    assert heard[0]["fields"]["username"] == "eve"
    assert heard[0]["fields"]["emails"] == [{"address": "eve@example.org", "verified": False}]


@pytest.mark.parametrize("password", [PASSWORD, digest(PASSWORD)])
async def test_the_password_is_good_for_both(client, connect, password):
    await client.call("createUser", {"username": "eve", "password": password})
    for sent in (PASSWORD, digest(PASSWORD)):
        await (await connect()).call("login", by_name("eve", sent))
    assert await db(lambda: Client().login(username="eve", password=PASSWORD))
    assert not await db(lambda: Client().login(username="eve", password=digest(PASSWORD)["digest"]))


async def test_an_address_does_for_a_name(client, connect):
    await client.call("createUser", {"email": "eve@example.org", "password": PASSWORD})
    options = {"user": {"email": "eve@example.org"}, "password": PASSWORD}
    await (await connect()).call("login", options)


async def test_without_a_password_nobody_logs_in(client, connect):
    await client.call("createUser", {"username": "eve"})
    other = await connect()
    for password in ("x", "!", digest("")):
        assert (await refusal(other, "login", by_name("eve", password))).reason == CHECK.reason
    assert not await db(lambda: users().get().has_usable_password())


async def test_profiles(client):
    await client.call("createUser", {"username": "a", "profile": {"name": "Ada King Lovelace"}})
    await client.call("createUser", {"username": "b", "profile": {"last_name": "B", "name": ""}})
    found = await db(lambda: list(users().order_by("pk").values_list("first_name", "last_name")))
    assert found == [("Ada", "King Lovelace"), ("", "B")]
    (fields,) = client.collections["users"].values()
    assert fields["profile"] == {"first_name": "", "last_name": "B", "name": "B"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"username": "ADA"}, "Username already exists."),
        ({"username": "eve", "email": "Ada@Example.Org"}, "Email already exists."),
        ({"email": "ADA@example.org"}, "Email already exists."),
    ],
)
async def test_what_others_have(client, ada, configure, options, reason):
    options = {**options, "password": PASSWORD}
    assert same(await refusal(client, "createUser", options), CHECK)
    configure(DDP_ACCOUNTS_AMBIGUOUS_ERRORS=False)
    assert same(await refusal(client, "createUser", options), MeteorError(403, reason))
    assert await db(lambda: users().count()) == 1


async def test_not_allowed(client, configure):
    configure(DDP_ACCOUNTS_SIGNUP=False)
    error = await refusal(client, "createUser", {"username": "eve", "password": PASSWORD})
    assert same(error, MeteorError(403, "Signups forbidden"))


async def test_neither_name_nor_address(client):
    expected = MeteorError(400, "Need to set a username or email")
    for options in [{}, {"password": PASSWORD}, {"username": "", "email": None}]:
        assert same(await refusal(client, "createUser", options), expected)


async def test_shapes(client):
    for options in [
        None,
        "eve",
        ["eve"],
        {"username": 5},
        {"username": {"$gt": ""}},
        {"username": "eve", "is_superuser": True},
        {"username": "eve", "__class__": "x"},
        {"username": "eve\0"},
        {"username": "e" * 255},
        {"username": "eve", "password": 5},
        {"username": "eve", "password": {"digest": "abc", "algorithm": "sha-256"}},
        {"username": "eve", "password": "x" * 5000},
        {"username": "eve", "profile": "x"},
        {"username": "eve", "profile": {"is_staff": True}},
        {"username": "eve", "profile": {"first_name": {"a": 1}}},
        {"username": "eve", "profile": {"name": ["Eve"]}},
    ]:
        assert same(await refusal(client, "createUser", options), MATCH_FAILED), options
    assert not await db(lambda: users().exists())


@pytest.mark.parametrize(
    "options",
    [
        {"username": "e v e"},
        {"username": "eve", "email": "nowhere"},
        {"username": "e" * 200},
        {"username": "eve", "profile": {"first_name": "x" * 200}},
    ],
)
async def test_what_the_model_does_not_take(client, options):
    assert (await refusal(client, "createUser", options)).error == 400
    assert not await db(lambda: users().exists())


@pytest.mark.parametrize("password", ["short", "password", digest("password"), digest("")])
async def test_bad_passwords(client, configure, password):
    configure(AUTH_PASSWORD_VALIDATORS=VALIDATORS)
    error = await refusal(client, "createUser", {"username": "eve", "password": password})
    assert error.error == 400
    assert "password is too" in error.reason
    assert not await db(lambda: users().exists())


async def test_digests_can_be_refused(client, configure):
    configure(DDP_ACCOUNTS_NEW_PASSWORDS_AS_DIGEST=False)
    options = {"username": "eve", "password": digest(PASSWORD)}
    error = await refusal(client, "createUser", options)
    assert same(error, MeteorError(400, "Send the new password itself.", {"plainPassword": True}))


async def test_domains(client, configure):
    configure(DDP_ACCOUNTS_EMAIL_DOMAIN="example.org")
    error = await refusal(client, "createUser", {"email": "eve@evil-example.org"})
    assert same(error, MeteorError(403, "@example.org email required"))
    error = await refusal(client, "createUser", {"username": "eve"})
    assert same(error, MeteorError(403, "@example.org email required"))
    await client.call("createUser", {"email": "eve@Example.org"})
    configure(DDP_ACCOUNTS_EMAIL_DOMAIN=lambda email: email.startswith("a"))
    error = await refusal(client, "createUser", {"email": "bob@example.org"})
    assert same(error, MeteorError(403, "Email doesn't match the criteria."))


async def test_domains_of_addresses_that_are_names(client, configure, monkeypatch):
    """The address that counts is the one that the user gets."""
    configure(DDP_ACCOUNTS_EMAIL_DOMAIN="example.org")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    options = {"username": "eve@evil.org", "email": "eve@example.org"}
    error = await refusal(client, "createUser", options)
    assert same(error, MeteorError(403, "@example.org email required"))


async def test_hooks(client, monkeypatch):
    monkeypatch.setattr(creating, "_hooks", [])
    validate_new_user(lambda user: user.username != "eve")
    error = await refusal(client, "createUser", {"username": "eve"})
    assert same(error, MeteorError(403, "User validation failed"))
    await client.call("createUser", {"username": "bob"})


async def test_two_at_once(connect):
    clients = [await connect() for _ in range(4)]
    options = {"email": "eve@example.org", "password": PASSWORD}
    calls = [client.call("createUser", options) for client in clients]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, dict) for each in answers) == 1
    assert await db(lambda: users().count()) == 1
