"""What can be asked of a Charge Point, with schemas that say what is on the wire."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.commands.requests import SENDABLE
from cfos_cm.services.web.actions import action_routes, ocpp_actions
from cfos_cm.v16.smart_charging import SetChargingProfileRequest
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.v16.schemas import MESSAGES

from .asking import Desk

SCHEMAS: dict[str, dict[str, Any]] = {one.action: one.request for one in ocpp_actions()}


class Actions(SynchronousTestCase):
    """The list."""

    def test_all(self) -> None:
        """Every action that a Central System sends is there, for operators."""
        asking = Desk(action_routes(), Role.OPERATOR).ask("GET", "/ocpp/actions")
        found = self.successResultOf(Deferred.fromCoroutine(asking))["actions"]
        self.assertEqual(list(SENDABLE), [one["action"] for one in found])
        for one in found:
            self.assertTrue(one["doc"].endswith((".", '"')), one)
        roles = {one["action"]: one["role"] for one in found}
        self.assertEqual("admin", roles["UpdateFirmware"])
        self.assertEqual("operator", roles["Reset"])
        viewer = Desk(action_routes(), Role.VIEWER).ask("GET", "/ocpp/actions")
        self.failureResultOf(Deferred.fromCoroutine(viewer), Problem)

    def test_official(self) -> None:
        """They name the same fields as the official schemas, and need the same ones."""
        for action, schema in SCHEMAS.items():
            official = MESSAGES[action].official
            self.assertEqual(
                set(official.get("properties", {})), set(schema["properties"]), action
            )
            self.assertEqual(
                sorted(official.get("required", [])), sorted(schema["required"]), action
            )
            self.assertIs(False, schema["additionalProperties"])

    def test_plain(self) -> None:
        """No docstring's mark is left, and no bound that only computers know."""
        text = json.dumps(SCHEMAS)
        for mark in ("@ivar", "L{", "C{", "9223372036854775807", '"default": null'):
            self.assertNotIn(mark, text)

    def test_words(self) -> None:
        """Fields say what they mean, with their units."""
        schema = SCHEMAS["GetCompositeSchedule"]["properties"]["duration"]
        self.assertEqual({"type": "integer", "description": "from now. [s]"}, schema)
        connector = SCHEMAS["SetChargingProfile"]["properties"]["connectorId"]
        self.assertEqual("0 is the whole Charge Point.", connector["description"])

    def test_parts(self) -> None:
        """What a request is made of is found in it, by the names on the wire."""
        schema = SCHEMAS["SetChargingProfile"]
        validator = jsonschema_rs.Draft202012Validator(schema)
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
            },
        }
        good = {"connectorId": 1, "csChargingProfiles": profile}
        self.assertTrue(validator.is_valid(good))
        bad = {**profile, "chargingProfilePurpose": "Profile"}
        self.assertFalse(validator.is_valid({**good, "csChargingProfiles": bad}))
        self.assertNotIn(SetChargingProfileRequest.__name__, schema["$defs"])
