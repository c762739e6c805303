"""What is wrong is told in one line that says what to do, with exit code 1."""

import json
import socket

import pytest


def told(server):
    """The only line that the command printed."""
    assert server.wait() == 1
    assert "Traceback" not in server.output
    (line,) = server.output.splitlines()
    return line


@pytest.fixture
def taken():
    """The port of another program."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--reload"]], ids=" ".join)
def test_port_in_use(start, taken, options):
    line = told(start("dddp", f"127.0.0.1:{taken}", *options))
    assert line.startswith(f"Cannot listen on 127.0.0.1:{taken}. Another program is listening")


def test_port_of_another_dddp(serve, start):
    server = serve("--workers", "2")
    address = server.http.removeprefix("http://").rstrip("/")
    assert "Another program" in told(start("dddp", address, "--workers", "2"))


def test_unknown_host(start):
    assert "'nowhere.invalid' is unknown" in told(start("dddp", "nowhere.invalid:0"))


def test_foreign_address(start):
    assert "This machine has no such address" in told(start("dddp", "192.0.2.1:0"))


def test_no_settings(start):
    assert "Set DJANGO_SETTINGS_MODULE" in told(start("dddp", DJANGO_SETTINGS_MODULE=""))


@pytest.mark.parametrize("name", ["nothing", "shop.nothing", "nothing.settings"])
def test_wrong_settings(start, name):
    assert f"no settings module {name!r}" in told(start("dddp", DJANGO_SETTINGS_MODULE=name))


def test_mistake_in_the_settings(start, project):
    (project / "settings.py").write_text("import nothing_like_this")
    server = start("dddp")
    assert server.wait() == 1
    assert "ModuleNotFoundError: No module named 'nothing_like_this'" in server.output


def test_not_installed(start):
    line = told(start("dddp", "127.0.0.1:0", SETTINGS=json.dumps({"INSTALLED_APPS": ["shop"]})))
    assert line == "dddp is not among INSTALLED_APPS: add 'dddp' to it."


def test_faulty_settings(start):
    apps = ["dddp", "shop", "shop"]
    line = told(start("dddp", "127.0.0.1:0", SETTINGS=json.dumps({"INSTALLED_APPS": apps})))
    assert "Application labels aren't unique" in line


def test_other_database_engine(start):
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    settings = json.dumps({"DATABASES": databases})
    assert "(dddp.E001)" in told(start("dddp", "127.0.0.1:0", SETTINGS=settings))


def test_no_postgresql(start, database, taken):
    parameters = {**json.loads(database["DATABASE"]), "PORT": taken}
    parameters["OPTIONS"] = {"connect_timeout": 2}
    line = told(start("dddp", "127.0.0.1:0", DATABASE=json.dumps(parameters)))
    assert "The database 'default' cannot be used:" in line
    assert "Start PostgreSQL, or mend DATABASES." in line


def test_not_migrated(start, database):
    parameters = {**json.loads(database["DATABASE"]), "NAME": "template1"}
    server = start("dddp", "127.0.0.1:0", DATABASE=json.dumps(parameters))
    server.find("The database lacks 1 migrations of shop: run `manage.py migrate`")


def test_no_triggers(start):
    assert start("manage.py", "dddp_triggers", "--uninstall").wait() == 0
    try:
        server = start("dddp", "127.0.0.1:0")
        assert server.wait() == 1
        assert "manage.py dddp_triggers --install" in server.output
        assert "Traceback" not in server.output
    finally:
        assert start("manage.py", "dddp_triggers", "--install").wait() == 0


@pytest.mark.parametrize(
    "arguments", [["1.2.3.4:x"], ["::1"], ["--workers", "0"], ["--ssl-keyfile", "x"]], ids=" ".join
)
@pytest.mark.parametrize("program", ["dddp", "manage.py"])
def test_wrong_arguments(start, program, arguments):
    command = ["dddp"] if program == "manage.py" else []
    server = start(program, *command, *arguments)
    assert server.wait() in (1, 2)
    assert "Traceback" not in server.output
    assert "error" in server.output.lower()


def test_project_error_is_shown_in_full(start, project):
    (project / "shop" / "models.py").write_text("1 / 0")
    server = start("dddp", "127.0.0.1:0")
    assert server.wait() == 1
    assert "ZeroDivisionError" in server.output
    assert "models.py" in server.output
