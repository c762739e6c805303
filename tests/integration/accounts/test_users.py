"""What clients see: the document of who is logged in, and login services."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from people import PASSWORD, by_name, refusal, same

from dddp.accounts import tokens
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


class TestProfile:
    DENIED = MeteorError(403, "Access denied")

    @pytest.fixture(autouse=True)
    def _may_be_changed(self, configure):
        configure(DDP_ACCOUNTS_PROFILE_EDITS=True)

    @pytest.mark.parametrize("method", ["/users/update", "/users/updateAsync"])
    async def test_is_the_users_to_change(self, client, document, ada, method):
        modifier = {"$set": {"profile": {"name": "Ada Lovelace"}}}
        assert await client.call(method, {"_id": str(ada.pk)}, modifier) == 1
        assert document()["profile"]["last_name"] == "Lovelace"
        modifier = {"$set": {"profile.first_name": "A."}}
        assert await client.call(method, str(ada.pk), modifier, {"multi": False}) == 1
        assert document()["profile"]["name"] == "A. Lovelace"

    async def test_nothing_else(self, client, document, ada):
        before = dict(document())
        for modifier in [
            None,
            {},
            {"$set": None},
            {"$set": {}},
            {"$set": {"is_superuser": True}},
            {"$set": {"username": "root", "profile": {}}},
            {"$set": {"emails": []}},
            {"$set": {"profile": "x"}},
            {"$set": {"profile": {"name": "x"}}, "$unset": {"username": 1}},
            {"$unset": {"profile": 1}},
            {"profile": {"name": "x"}},
        ]:
            error = await refusal(client, "/users/update", str(ada.pk), modifier)
            assert same(error, self.DENIED), modifier
        for profile in ({"is_superuser": True}, {"password": "x"}, {"first_name": 5}):
            modifier = {"$set": {"profile": profile}}
            assert (await refusal(client, "/users/update", str(ada.pk), modifier)).error == 400
        modifier = {"$set": {"profile.first_name": "x" * 200}}
        error = await refusal(client, "/users/update", str(ada.pk), modifier)
        assert error.reason == "Validation failed"
        assert document() == before

    async def test_of_nobody_who_is_deleted_meanwhile(self, client, document, ada, monkeypatch):
        def locked(user):
            get_user_model().objects.filter(pk=user.pk).delete()

        monkeypatch.setattr(tokens, "locked", locked)
        modifier = {"$set": {"profile.first_name": "A."}}
        error = await refusal(client, "/users/update", str(ada.pk), modifier)
        assert same(error, self.DENIED)

    async def test_of_nobody_else(self, client, document, connect, ada, configure):
        modifier = {"$set": {"profile.first_name": "Eve"}}
        error = await refusal(await connect(), "/users/update", str(ada.pk), modifier)
        assert same(error, self.DENIED)
        error = await refusal(client, "/users/update", str(ada.pk + 1), modifier)
        assert same(error, self.DENIED)
        for selector in [{}, {"_id": {"$ne": ""}}, {"username": "ada"}, None, {"_id": "1", "a": 1}]:
            error = await refusal(client, "/users/updateAsync", selector, modifier)
            expected = "Not permitted. Untrusted code may only updateAsync documents by ID."
            assert same(error, MeteorError(403, expected))
        configure(DDP_ACCOUNTS_PROFILE_EDITS=False)
        error = await refusal(client, "/users/update", str(ada.pk), modifier)
        assert same(error, self.DENIED)


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
