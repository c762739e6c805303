"""What clients see: the document of who is logged in, and login services."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from people import PASSWORD, by_name, refusal, same

from dddp.accounts.users import Users
from dddp.api import API, MeteorError
from tools.inprocess import db, sql


@pytest.fixture
async def document(client, ada):
    """Of Ada, who is logged in; asked for again each time."""
    await client.call("login", by_name("ada", PASSWORD))
    return lambda: client.collections["users"][str(ada.pk)]


async def test_fields(document, ada):
    assert document() == {
        "username": "ada",
        "emails": [{"address": "ada@example.org", "verified": False}],
        "profile": {"first_name": "", "last_name": "", "name": ""},
        "permissions": [],
        "createdAt": ada.date_joined.replace(
            microsecond=ada.date_joined.microsecond // 1000 * 1000
        ),
    }


async def test_they_are_live(client, document):
    await sql("UPDATE auth_user SET first_name = 'Ada', email = ''")
    await client.wait_for(lambda: document()["profile"]["name"] == "Ada")
    assert document()["emails"] == []


async def test_so_are_permissions(client, document, ada):
    permission = await db(lambda: Permission.objects.get(codename="add_book"))
    await db(ada.user_permissions.add, permission)
    await client.wait_for(lambda: document()["permissions"] == ["bookstore.add_book"])
    await db(ada.user_permissions.clear)
    await client.wait_for(lambda: document()["permissions"] == [])
    group = await db(lambda: Group.objects.create(name="buyers"))
    await db(group.user_set.add, ada)
    await db(group.permissions.add, permission)
    await client.wait_for(lambda: document()["permissions"] == ["bookstore.add_book"])


async def test_only_ones_own(connect, document, ada):
    other = await connect()
    await db(lambda: get_user_model().objects.create_superuser("root", password="root"))
    result = await other.call("login", by_name("root", "root"))
    assert set(other.collections["users"]) == {result["id"]}


async def test_deactivation_takes_it_away(client, document):
    await sql("UPDATE auth_user SET is_active = false")
    await client.wait_for(lambda: client.collections["users"] == {})


def test_no_other_publication_uses_the_collection_unasked():
    """A project's own publications of users need a collection of its own."""
    assert isinstance(API.collection("users"), Users)
    assert API.collection_for(get_user_model()) is not API.collection("users")


class TestServices:
    @pytest.fixture(autouse=True)
    def _services(self, configure):
        services = {"github": {"clientId": "abc", "secret": "hush", "loginStyle": "popup"}}
        configure(DDP_ACCOUNTS_LOGIN_SERVICES=services)

    async def test_without_what_is_secret(self, client):
        await client.subscribe("meteor.loginServiceConfiguration")
        expected = {"github": {"service": "github", "clientId": "abc", "loginStyle": "popup"}}
        assert client.collections["meteor_accounts_loginServiceConfiguration"] == expected

    async def test_are_ready_when_there_are_none(self, client, configure):
        configure(DDP_ACCOUNTS_LOGIN_SERVICES={})
        await client.subscribe("meteor.loginServiceConfiguration")
        assert client.collections["meteor_accounts_loginServiceConfiguration"] == {}

    async def test_cannot_be_configured_by_clients(self, client):
        error = await refusal(client, "configureLoginService", {"service": "github", "secret": ""})
        assert same(error, MeteorError(403, "Service github already configured"))
        error = await refusal(client, "configureLoginService", {"service": "twitter"})
        assert same(error, MeteorError(403, "Service unknown"))
        for options in [None, {}, {"service": 5}]:
            error = await refusal(client, "configureLoginService", options)
            assert same(error, MeteorError(400, "Match failed"))
