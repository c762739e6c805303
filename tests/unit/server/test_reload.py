import os

import pytest

from dddp.server.reload import Watch


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "app" / "module.py"
    path.parent.mkdir()
    path.write_text("")
    return path


def test_nothing_changed(tmp_path, module):
    watch = Watch([tmp_path])
    assert watch.changed() is None


def test_written(tmp_path, module):
    watch = Watch([tmp_path])
    os.utime(module, (1, 1))
    assert watch.changed() == module
    assert watch.changed() is None


def test_made_and_removed(tmp_path, module):
    watch = Watch([tmp_path])
    new = tmp_path / "app" / "page.html"
    new.write_text("")
    assert watch.changed() == new
    module.unlink()
    assert watch.changed() == module


@pytest.mark.parametrize(
    "place", ["node_modules/a.py", ".git/a.py", "env/lib/a.py", "app/__pycache__/a.py", "log.txt"]
)
def test_what_is_not_the_projects(tmp_path, module, place):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    watch = Watch([tmp_path])
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    assert watch.changed() is None


def test_where_code_is_imported_from(tmp_path, module, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    watch = Watch()
    os.utime(module, (1, 1))
    assert watch.changed() == module
