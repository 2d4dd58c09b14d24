"""Which drivers there are, also those of other packages."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from cfos_cm.drivers.interfaces import IEvseMaker
from cfos_cm.drivers.registry import EVSE_MAKERS, METER_MAKERS
from cfos_cm.errors import ConfigError
from cfos_cm.services.config import parse_config

_PLUGIN = """\
from twisted.plugin import IPlugin
from zope.interface import implementer

from cfos_cm.drivers.interfaces import IEvseMaker


@implementer(IPlugin, IEvseMaker)
class Maker:
    type = {type!r}
    knows_transactions = False

    def objection(self, device):
        return None if device.address == "here" else "here"

    def make(self, device, environment):
        raise NotImplementedError


maker = Maker()
"""

_SITE = "[circuit garage]\nmax_current = 20\n[evse bay]\ntype = acme\naddress = {address}\n"


class PluginTests(SynchronousTestCase):
    """A driver of another package."""

    def setUp(self) -> None:
        """None was looked for."""
        for makers in (EVSE_MAKERS, METER_MAKERS):
            self.patch(makers, "found", {})

    def install(
        self, word: str, module: str = "cfos_cm_test_driver", text: str = _PLUGIN
    ) -> None:
        """Have it installed."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / f"{module}.py").write_text(text.format(type=word))
        path = [*twisted.plugins.__path__, str(folder.absolute())]
        self.patch(twisted.plugins, "__path__", path)
        self.addCleanup(sys.modules.pop, f"twisted.plugins.{module}", None)

    def test_found(self) -> None:
        """It is found by its word, among EVSEs only."""
        self.assertIsNone(EVSE_MAKERS.of("acme"))
        self.install("acme")
        self.assertTrue(IEvseMaker.providedBy(EVSE_MAKERS.of("acme")))
        self.assertIsNone(METER_MAKERS.of("acme"))

    def test_configured(self) -> None:
        """Its word can be written into tap.cfg, and it has its say about the address."""
        self.install("acme")
        config = parse_config(_SITE.format(address="here"), "tap.cfg")
        (settings,) = config.settings_changed().evses
        self.assertTrue(settings.keeps_limit)
        with self.assertRaises(ConfigError) as caught:
            parse_config(_SITE.format(address="there"), "tap.cfg")
        self.assertIn("must be here", str(caught.exception))

    def test_built_in(self) -> None:
        """It cannot take the place of one of this package."""
        before = EVSE_MAKERS.of("ocpp16")
        self.install("ocpp16")
        self.assertIs(before, EVSE_MAKERS.of("ocpp16"))

    def test_taken(self) -> None:
        """The log tells of one whose word is another one's, in this package or in a third."""
        self.install("ocpp16", "cfos_cm_test_driver_1")
        self.install("acme", "cfos_cm_test_driver_2")
        self.install("acme", "cfos_cm_test_driver_3")
        with capturedLogs() as logged:
            self.assertIsNotNone(EVSE_MAKERS.of("acme"))
        taken = [one["word"] for one in logged if "there is a driver" in one["log_format"]]
        self.assertEqual(["acme", "ocpp16"], sorted(taken))

    def test_asked_again(self) -> None:
        """Plugins are looked for once for each that is there, and told of once."""
        self.install("ocpp16", "cfos_cm_test_driver_1")
        self.install("acme", "cfos_cm_test_driver_2")
        first = EVSE_MAKERS.of("acme")
        with capturedLogs() as logged:
            self.assertIs(first, EVSE_MAKERS.of("acme"))
        self.assertIsNotNone(first)
        self.assertEqual([], logged)

    def test_unusable(self) -> None:
        """One without a word of its own keeps nobody from the others."""
        self.install("acme", "cfos_cm_test_driver_1")
        with capturedLogs() as logged:
            text = _PLUGIN.replace("    type =", "    kind =")
            self.install("acme", "cfos_cm_test_driver_2", text)
            self.assertIsNotNone(EVSE_MAKERS.of("acme"))
        self.assertTrue(any("has no type" in one["log_format"] for one in logged))
