"""What `manage.py check` says of a Meteor front end."""

from __future__ import annotations

import pytest

from dddp.checks import check_settings as check_settings_of_dddp
from dddp.meteor import checks


def ids(check):
    return [message.id for message in check()]


def test_without_a_bundle_nothing_is_wrong():
    assert ids(checks.check_bundle) == ids(checks.check_names) == []


def test_a_bundle_that_is_there(bundle):
    assert ids(checks.check_bundle) == []
    assert "DDP_METEOR_BUNDLE" not in str(check_settings_of_dddp())


def test_a_bundle_that_is_not(settings_of_meteor, tmp_path):
    settings_of_meteor(DDP_METEOR_BUNDLE=tmp_path)
    assert ids(checks.check_bundle) == ["dddp.meteor.E001"]


@pytest.mark.parametrize("value", ["{", "[]"])
def test_meteor_settings_that_cannot_be_read(monkeypatch, value):
    monkeypatch.setenv("METEOR_SETTINGS", value)
    assert ids(checks.check_bundle) == ["dddp.meteor.E002"]


def test_a_setting_that_does_not_exist(settings_of_meteor):
    settings_of_meteor(DDP_METEOR_BUNDEL="x")
    assert ids(checks.check_names) == ["dddp.meteor.W001"]
