import pytest
from running import get


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def reloading(start):
    server = start("dddp", "127.0.0.1:0", "--reload")
    server.http, _ = server.wait_listening()
    return server


def test_change_of_code(reloading, project):
    before = len(reloading.output)
    edit(project / "shop" / "urls.py", "hello", "changed")
    reloading.find("urls.py changed: starting anew")
    assert reloading.wait_listening(before)[0] == reloading.http
    assert get(reloading.http) == "changed"


def test_clients_wait_while_it_starts(reloading, project):
    edit(project / "shop" / "urls.py", "hello", "changed")
    reloading.find("starting anew")
    assert get(reloading.http) == "changed"


def test_mistake_and_its_correction(reloading, project):
    models = project / "shop" / "models.py"
    edit(models, "class Item", "class Item !")
    reloading.find("SyntaxError")
    reloading.find("it starts anew when the code changes")
    before = len(reloading.output)
    edit(models, "class Item !", "class Item")
    reloading.wait_listening(before)
    assert get(reloading.http) == "hello"


def test_failing_check_and_its_correction(reloading, project):
    ddp = project / "shop" / "ddp.py"
    edit(ddp, "model = ItemModel\n", "model = ItemModel\n    fields = ['size']\n")
    reloading.find(r"dddp\.E002")
    before = len(reloading.output)
    edit(ddp, "    fields = ['size']\n", "")
    reloading.wait_listening(before)


@pytest.mark.parametrize(
    ("debug", "options", "reloads"),
    [
        ("1", [], True),
        ("1", ["--no-reload"], False),
        (None, [], False),
        (None, ["--reload"], True),
    ],
)
def test_by_default_under_debug_with_manage_py(start, project, debug, options, reloads):
    environ = {"DEBUG": debug} if debug else {}
    server = start("manage.py", "dddp", "127.0.0.1:0", *options, **environ)
    url, _ = server.wait_listening()
    assert get(url) == "hello"
    before = len(server.output)
    edit(project / "shop" / "urls.py", "hello", "changed")
    if reloads:
        server.wait_listening(before)
    assert get(url) == ("changed" if reloads else "hello")
    assert server.end() == 0
    assert "Traceback" not in server.output
