"""Which tables of a Django project are watched; how their triggers get installed."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connections, models
from django.db.models.signals import post_migrate
from django.db.utils import ConnectionHandler
from django.test.utils import isolate_apps, override_settings
from psycopg.conninfo import conninfo_to_dict

from dddp.api import watching
from dddp.api.collection import Collection
from dddp.api.registry import Registry
from dddp.changefeed import triggers
from dddp.changefeed.connect import listen_params
from dddp.changefeed.triggers import WatchedTable
from dddp.exceptions import ConfigurationError
from dddp.fields import AleaIdField

ALIAS = "watching"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Nothing is registered."""
    empty = Registry()
    monkeypatch.setattr(watching, "API", empty)
    return empty


@pytest.fixture
def database(pg_dsn: str) -> Iterator[Any]:
    """The scratch database as Django's, and as the one of this package."""
    params = conninfo_to_dict(pg_dsn)
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": params["dbname"],
        "USER": params["user"],
        "PASSWORD": params.get("password", ""),
        "HOST": params["host"],
        "PORT": params["port"],
    }
    handler = ConnectionHandler({"default": settings})
    connections.settings[ALIAS] = handler.settings["default"]
    with override_settings(DDP_DATABASE=ALIAS):
        yield connections[ALIAS]
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]


class Users(Collection):
    model = User


class Groups(Collection):
    model = Group


def names() -> set[str]:
    return {model._meta.model_name or "" for model in watching.watched_models()}


class TestModels:
    def test_nothing_registered(self) -> None:
        assert watching.watched_models() == []

    def test_what_foreign_keys_and_many_to_many_fields_lead_to(self, registry: Registry) -> None:
        registry.register(Users)
        assert names() == {
            *("user", "group", "permission", "contenttype"),
            *("user_groups", "user_user_permissions", "group_permissions"),
        }

    def test_not_what_leads_to_it(self, registry: Registry) -> None:
        registry.register(Groups)
        assert "user" not in names()

    def test_models_named_in_the_settings(self) -> None:
        with override_settings(DDP_WATCH=["contenttypes.ContentType"]):
            assert watching.watched_models() == [ContentType]

    def test_models_that_apps_want_watched(self, registry: Registry) -> None:
        registry.watch(ContentType)
        assert watching.watched_models() == [ContentType]

    @pytest.mark.parametrize("name", ["auth.Nobody", "nowhere.User", "nonsense"])
    def test_wrong_names_in_the_settings(self, name: str) -> None:
        with (
            override_settings(DDP_WATCH=[name]),
            pytest.raises(ConfigurationError, match="DDP_WATCH"),
        ):
            watching.watched_models()

    @isolate_apps("dddp")
    def test_parents_proxies_and_cycles(self, registry: Registry) -> None:
        class Base(models.Model):
            class Meta:
                abstract = True
                app_label = "dddp"

        class Place(Base):
            near = models.ForeignKey("self", models.CASCADE)

        class Inn(Place):
            partner = models.OneToOneField("Guest", models.CASCADE)
            beds = models.ManyToManyField("self")

            class Meta:
                app_label = "dddp"

        class Guest(Base):
            inn = models.ForeignKey(Inn, models.CASCADE)

        class Regular(Guest):
            class Meta:
                proxy = True
                app_label = "dddp"

        class Regulars(Collection):
            model = Regular

        registry.register(Regulars)
        assert names() == {"guest", "inn", "place", "inn_beds"}
        assert Regular not in watching.watched_models()


class TestTables:
    def test_only_tables_that_exist(self, registry: Registry, database: Any) -> None:
        registry.register(Groups)
        assert watching.watched_tables() == []
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE auth_group (id int)")
            cursor.execute("CREATE VIEW auth_permission AS SELECT 1 AS id")
        assert watching.watched_tables() == [WatchedTable("auth_group")]
        assert set(watching.unwatchable_tables()) == {
            *("auth_permission", "auth_group_permissions", "django_content_type")
        }

    def test_secrets_are_hidden(self, registry: Registry, database: Any) -> None:
        registry.register(Users)
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE auth_user (id int)")
        assert watching.watched_tables() == [WatchedTable("auth_user", hidden=("password",))]

    def test_secrets_that_a_collection_publishes_by_name(
        self, registry: Registry, database: Any
    ) -> None:
        class Open(Collection):
            model = User
            fields = ["username", "password"]

        registry.register(Open)
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE auth_user (id int)")
        assert watching.watched_tables() == [WatchedTable("auth_user")]

    @isolate_apps("dddp")
    def test_keys_are_never_hidden(self, registry: Registry, database: Any) -> None:
        class Session(models.Model):
            token = models.CharField(primary_key=True)
            id_token = AleaIdField()
            user_secret = models.CharField()

            class Meta:
                app_label = "dddp"
                db_table = 'other"."session'

        class Sessions(Collection):
            model = Session

        registry.register(Sessions)
        with database.cursor() as cursor:
            cursor.execute("CREATE SCHEMA other; CREATE TABLE other.session (token text)")
        with override_settings(DDP_BULK_ROWS=7):
            assert watching.watched_tables() == [
                WatchedTable('other"."session', hidden=("user_secret",), bulk_rows=7)
            ]


class TestMigrate:
    @pytest.fixture(autouse=True)
    def connected(self) -> Iterator[None]:
        """However the app is wired, these tests want it wired once."""
        key = {"dispatch_uid": "dddp.install_triggers"}
        was_there = post_migrate.disconnect(**key)
        post_migrate.connect(watching.install_after_migrate, **key)
        yield
        if not was_there:
            post_migrate.disconnect(**key)

    def test_migrating_installs_the_triggers(
        self, registry: Registry, database: Any, db: psycopg.Connection[Any]
    ) -> None:
        registry.register(Users)
        call_command("migrate", database=ALIAS, verbosity=0)
        tables = watching.watched_tables()
        assert len(tables) == 7
        assert {each.state for each in triggers.status(database, tables)} == {"installed"}

    def test_another_database_is_left_alone(self, registry: Registry, database: Any) -> None:
        registry.register(Users)
        with override_settings(DDP_DATABASE="default"):
            call_command("migrate", database=ALIAS, verbosity=0)
        states = {each.state for each in triggers.status(database, watching.watched_tables())}
        assert states == {"missing"}


class TestCommand:
    @pytest.fixture(autouse=True)
    def tables(self, registry: Registry, database: Any) -> None:
        registry.register(Groups)
        with database.cursor() as cursor:
            cursor.execute("CREATE TABLE auth_group (id int)")
            cursor.execute("CREATE TABLE django_content_type (id int)")

    def run(self, *options: str) -> list[list[str]]:
        out = StringIO()
        call_command("dddp_triggers", *options, stdout=out)
        return [line.split(None, 2) for line in out.getvalue().splitlines()]

    def test_it_lists_installs_and_removes(self, database: Any) -> None:
        unseen = [
            ["unseen", "auth_group_permissions", "It does not exist, or is a view."],
            ["unseen", "auth_permission", "It does not exist, or is a view."],
        ]
        missing = [["missing", "auth_group"], ["missing", "django_content_type"], *unseen]
        installed = [["installed", "auth_group"], ["installed", "django_content_type"], *unseen]
        assert self.run() == missing
        assert self.run("--install") == installed
        with database.cursor() as cursor:
            cursor.execute("ALTER TABLE auth_group DISABLE TRIGGER ALL")
        assert self.run()[0] == ["outdated", "auth_group", "Differs on public.auth_group."]
        assert self.run("--install", "--database", ALIAS) == installed
        assert self.run("--uninstall") == missing

    def test_a_database_that_is_not_there(self) -> None:
        with pytest.raises(CommandError, match="nowhere"):
            self.run("--database", "nowhere")


class TestConnecting:
    async def test_with_the_parameters_of_django(self, database: Any) -> None:
        params = listen_params()
        assert params["application_name"] == "dddp listener"
        async with await psycopg.AsyncConnection.connect(**params) as connection:
            assert connection.info.dbname == database.settings_dict["NAME"]

    def test_options_of_django_itself_are_left_out(self, database: Any) -> None:
        options = {
            "pool": True,
            "server_side_binding": True,
            "application_name": "site",
            "sslmode": "prefer",
        }
        database.settings_dict["OPTIONS"] = options
        params = listen_params()
        assert params["sslmode"] == "prefer"
        assert params["application_name"] == "dddp listener"
        assert not {"pool", "server_side_binding", "context", "cursor_factory"} & params.keys()

    def test_with_a_dsn_of_its_own(self) -> None:
        dsn = "postgresql://me@db.example:5433/live?keepalives_idle=99"
        with override_settings(DDP_LISTEN_DSN=dsn):
            params = listen_params()
        assert (params["host"], params["port"], params["dbname"]) == ("db.example", "5433", "live")
        assert params["keepalives_idle"] == "99"
        assert params["target_session_attrs"] == "primary"
