"""System checks of this app."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from dddp.meteor import conf
from dddp.meteor.bundle import configured_bundle

TAG = "dddp"


@register(TAG)
def check_bundle(**_: Any) -> list[CheckMessage]:
    """E001: what is to be served cannot be read; E002: nor can Meteor's settings."""
    found: list[CheckMessage] = []
    try:
        configured_bundle()
    except ImproperlyConfigured as error:
        found.append(Error(f"DDP_METEOR_BUNDLE: {error}", id="dddp.meteor.E001"))
    try:
        conf.public_settings()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="dddp.meteor.E002"))
    return found


@register(TAG)
def check_names(**_: Any) -> list[CheckMessage]:
    """W001: a setting that does not exist."""
    known = {conf.PREFIX + name.upper() for name in conf.DEFAULTS}
    hint = f"The settings are {', '.join(sorted(known))}."
    return [
        Warning(f"There is no setting {name}.", hint=hint, id="dddp.meteor.W001")
        for name in dir(settings)
        if name.startswith(conf.PREFIX) and name not in known
    ]
