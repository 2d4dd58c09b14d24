"""What every message class has in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.v16 import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
    types,
)
from cfos_cm.v16.core import (
    AuthorizeRequest,
    BootNotificationRequest,
    ChangeConfigurationRequest,
    KeyValue,
)
from cfos_cm.v16.firmware import GetDiagnosticsRequest, UpdateFirmwareRequest
from cfos_cm.v16.security import Firmware, LogParameters
from cfos_cm.v16.types import IdTagInfo, Part

MODULES = (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
    types,
)


def _all_parts(base: type[Part] = Part) -> Iterator[type[Part]]:
    """Every class that is derived from C{base}."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("cfos_cm.v16."):
            yield kind
            yield from _all_parts(kind)


class ClassTests(SynchronousTestCase):
    """The classes are alike."""

    def test_configuration(self) -> None:
        """Every class is frozen, refuses unknown fields and leaves out what is not there."""
        for kind in _all_parts():
            config = kind.__struct_config__
            self.assertTrue(config.frozen, kind)
            self.assertTrue(config.forbid_unknown_fields, kind)
            self.assertTrue(config.omit_defaults, kind)

    def test_keywords_only(self) -> None:
        """No class takes a value by its place, because that would depend on our order."""
        for kind in _all_parts():
            if kind.__struct_fields__:
                with self.assertRaisesRegex(TypeError, "positional"):
                    kind(*[None] * len(kind.__struct_fields__))

    def test_optional_fields(self) -> None:
        """The only default is C{None}, so that nothing that was set is ever left out."""
        for kind in _all_parts():
            for field in msgspec.structs.fields(kind):
                self.assertIn(field.default, (None, msgspec.NODEFAULT), (kind, field.name))
                self.assertIs(field.default_factory, msgspec.NODEFAULT)

    def test_exports(self) -> None:
        """Each module exports all of its classes, and only what is there."""
        for module in MODULES:
            defined = {
                name
                for name, value in vars(module).items()
                if isinstance(value, type)
                and value.__module__ == module.__name__
                and not name.startswith("_")
            }
            exported = set(module.__all__)
            self.assertEqual(defined - exported, set(), module.__name__)
            self.assertTrue(all(hasattr(module, name) for name in exported), module.__name__)

    def test_docstrings(self) -> None:
        """Each class says for itself what it is for."""
        for module in MODULES:
            for name in module.__all__:
                value = getattr(module, name)
                if isinstance(value, type):
                    self.assertTrue(vars(value).get("__doc__"), name)


class ValueTests(SynchronousTestCase):
    """A message is a value."""

    def test_equal(self) -> None:
        """Two messages with the same content are equal, and count once in a set."""
        first, second = AuthorizeRequest(id_tag="A"), AuthorizeRequest(id_tag="A")
        self.assertEqual({first}, {second})

    def test_frozen(self) -> None:
        """No field can be changed."""
        message: Any = AuthorizeRequest(id_tag="A")
        with self.assertRaises(AttributeError):
            message.id_tag = "B"

    def test_absent(self) -> None:
        """A field that was left out reads as nothing."""
        message = BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
        self.assertIsNone(message.iccid)

    def test_null(self) -> None:
        """A field that is null was not left out, and is refused."""
        text = '{"chargePointVendor":"V","chargePointModel":"M","iccid":null}'
        with self.assertRaises(msgspec.ValidationError):
            msgspec.json.decode(text, type=BootNotificationRequest)


class ReprTests(SynchronousTestCase):
    """A message in a log."""

    def test_shown(self) -> None:
        """What is there is shown, what is not is not."""
        message = BootNotificationRequest(
            charge_point_vendor="V", charge_point_model="M", imsi="26201"
        )
        self.assertEqual(
            repr(message),
            "BootNotificationRequest(charge_point_vendor='V', charge_point_model='M',"
            " imsi='26201')",
        )

    def test_id_tags_are_hidden(self) -> None:
        """The number of a card is as good as the card."""
        info = IdTagInfo(status=types.AuthorizationStatus.INVALID, parent_id_tag="SECRET")
        for value in (info, AuthorizeRequest(id_tag="SECRET")):
            self.assertNotIn("SECRET", repr(value))
            self.assertIn("id_tag=<hidden>", repr(value))

    def test_secrets_are_hidden(self) -> None:
        """Values that may be or may hold a password are not shown."""
        url, when = "ftp://user:SECRET@example.org/", "2026-03-01T12:00:00Z"
        for value in (
            ChangeConfigurationRequest(key="AuthorizationKey", value="SECRET"),
            KeyValue(key="AuthorizationKey", readonly=False, value="SECRET"),
            GetDiagnosticsRequest(location=url),
            UpdateFirmwareRequest(location=url, retrieve_date=when),
            LogParameters(remote_location=url),
            Firmware(
                location=url, retrieve_date_time=when, signing_certificate="", signature=""
            ),
        ):
            self.assertNotIn("SECRET", repr(value))
            self.assertIn("=<hidden>", repr(value))
