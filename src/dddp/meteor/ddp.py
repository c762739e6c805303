"""What Meteor's clients subscribe to by themselves."""

from __future__ import annotations

from django.apps import apps

from dddp.api import API, Publication
from dddp.meteor.bundle import configured_bundle
from dddp.meteor.mounting import link_prefix
from dddp.meteor.versions import announced

VERSIONS = "meteor_autoupdate_clientVersions"


class ClientVersions(Publication):
    """The versions of this server's bundle, one document for each architecture (Meteor 3).

    Meteor's documents `version`, `version-refreshable` and `version-cordova`, "outdated", are not
    among them: they have clients reload that are older than Meteor 1.7, again and again where
    their page does not come from this server.
    """

    name = VERSIONS

    def publish(self, app_id: str | None = None) -> None:
        self.ready()
        bundle = configured_bundle()
        if bundle is None:
            return
        if bundle.app_id and app_id and bundle.app_id != app_id:
            return  # another app, made for the same address
        prefix = link_prefix()
        for arch, versions in announced().items():
            assets = [{"url": prefix + file.url} for file in bundle.programs[arch].css]
            self.added(VERSIONS, arch, {**versions, "assets": assets})


class NoLoginServices(Publication):
    """For clients with Meteor's accounts of a server without: they have all there is."""

    name = "meteor.loginServiceConfiguration"

    def publish(self) -> None:
        self.ready()


API.register([ClientVersions])
if not apps.is_installed("dddp.accounts"):
    API.register([NoLoginServices])
