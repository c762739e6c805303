"""Tests here take the project's database with any rows in it: stories empty what they are about."""

import pytest
from django.db import connections

pytest.register_assert_rewrite("following", "stories", "rows")


@pytest.fixture(scope="module")
def database(project_database):
    """For the ORM in coroutines too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        connections.close_all()
        yield
        connections.close_all()


@pytest.fixture(scope="module")
def told(database, request):
    """The module's STORY, told to all kinds for which its tests run: kind -> follower."""
    kinds = [
        item.callspec.params["kind"]
        for item in request.session.items
        if item.module is request.module and "kind" in item.fixturenames
    ]
    return request.module.STORY.tell(kinds)
