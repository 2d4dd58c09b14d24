"""Tests of the settings over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import CfosError, ConfigError
from cfos_cm.services.config.shown import shown_text
from cfos_cm.services.parts import now
from cfos_cm.services.web.settings_answers import texts_of
from cfos_cm.services.web.settings_file import SettingsFile
from cfos_cm.services.web.settings_routes import settings_routes
from cfos_cm.web.answer import Content
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.services.certificate_case import done
from tests.services.test_charging_site import BOOT, LiveCase, start_transaction
from tests.services.web.asking import Desk
from tests.services.web.settings_case import TEXT, SettingsCase, asked, handling, values_in

SAMPLE = Path(__file__).parents[3] / "tap.cfg"


class Routes(SettingsCase):
    """What is asked, and what is answered."""

    def setUp(self) -> None:
        """Make the routes."""
        super().setUp()
        self.routes = settings_routes(self.settings)

    def ask(
        self, method: str, path: str, body: Any = None, if_match: str | None = None, **more: str
    ) -> Any:
        """What is answered to a route."""
        return self.answered(self.route(self.routes, method, path), body, if_match, **more)

    def refused(self, method: str, path: str, body: Any = None, **more: str) -> CfosError:
        """Why it is not done."""
        route = self.route(self.routes, method, path)
        work = Deferred.fromCoroutine(handling(route, asked(route, body, **more)))
        error = self.failureResultOf(work, CfosError).value
        assert isinstance(error, CfosError)
        self.assertNoSecrets(str(error))
        return error

    def test_for_administrators(self) -> None:
        """Nobody else sees or changes settings."""
        self.assertEqual({Role.ADMIN}, {one.role for one in self.routes})

    def test_shown(self) -> None:
        """All sections with what is written in them; no secret."""
        shown = self.ask("GET", "/settings")
        sections = {one["heading"]: one for one in shown["sections"]}
        self.assertEqual(
            ["manager", "ocpp server", "circuit garage", "evse bay-1", "evse bay-2"],
            list(sections)[:5],
        )
        self.assertEqual(
            {"title": "Garage", "database": "postgresql://***@db.example/charging"},
            sections["manager"]["options"],
        )
        bay = sections["evse bay-1"]
        self.assertEqual(("evse", "bay-1"), (bay["kind"], bay["name"]))
        self.assertEqual(
            {"type": "ocpp16", "address": "CP-1", "password": "***"}, bay["options"]
        )
        self.assertEqual("[evse bay-1]", TEXT.splitlines()[bay["line"] - 1])
        single = sections["ocpp server"]
        self.assertEqual(("ocpp server", ""), (single["kind"], single["name"]))
        self.assertEqual(
            "ws://backend.example/ocpp?***", sections["gateway bay-1"]["options"]["url"]
        )
        self.assertEqual(str(self.path), shown["path"])

    def test_kinds(self) -> None:
        """What each option takes is said."""
        kinds = {one["kind"]: one for one in self.ask("GET", "/settings")["kinds"]}
        self.assertEqual(
            [False, False, False, True], [one["named"] for one in kinds.values()][:4]
        )
        options = {
            (kind, option["name"]): option
            for kind, one in kinds.items()
            for option in one["options"]
        }
        for (kind, name), expected in {
            ("manager", "title"): ("text", "", [], ""),
            ("manager", "load_management"): ("choice", "", ["on", "observe"], ""),
            ("manager", "database"): ("text", "", [], ""),
            ("manager", "cycle"): ("number", "s", [], ""),
            ("ocpp server", "port"): ("number", "", [], ""),
            ("ocpp server", "password"): ("secret", "", [], ""),
            ("ocpp server", "certificate"): ("file", "", [], ""),
            ("ocpp server", "ca_certificates"): ("files", "", [], ""),
            ("circuit", "parent"): ("reference", "", [], "circuit"),
            ("circuit", "max_current"): ("text", "A", [], ""),
            ("circuit", "max_power"): ("text", "W", [], ""),
            ("circuit", "reserve"): ("number", "A", [], ""),
            ("evse", "type"): ("choice", "", ["ocpp16", "cfos_power_brain"], ""),
            ("evse", "phases"): ("multichoice", "", ["L1", "L2", "L3"], ""),
            ("evse", "lease"): ("number", "", [], ""),
            ("gateway", "ca_certificates"): ("files", "", [], ""),
            ("gateway", "connector"): ("number", "", [], ""),
        }.items():
            one = options[kind, name]
            found = (one["type"], one["unit"], one["choices"], one["refers_to"])
            self.assertEqual(expected, found, (kind, name))
        enabled = options["evse", "enabled"]
        self.assertEqual(
            ("boolean", "yes", False), (enabled["type"], enabled["default"], False)
        )
        self.assertIn("UpdateFirmware", options["gateway", "allow"]["choices"])
        self.assertEqual("multichoice", options["gateway", "refuse"]["type"])
        self.assertIn("auto", options["evse", "quirks"]["choices"])
        rating = options["circuit", "max_current"]
        self.assertEqual((None, True), (rating["default"], rating["required"]))
        self.assertTrue(options["web", "listen"]["restart"])
        self.assertIn("Twisted endpoint", options["web", "listen"]["allowed"])

    def test_sent_back(self) -> None:
        """All that is shown can be sent back, and nothing changes."""
        shown = self.ask("GET", "/settings")
        changes = [
            {"heading": one["heading"], "options": one["options"]} for one in shown["sections"]
        ]
        answer = self.ask("PATCH", "/settings", {"changes": changes}, shown["etag"])
        self.assertEqual((shown["etag"], []), (answer["etag"], answer["changed"]))
        self.assertEqual(TEXT, self.path.read_text())

    def test_changed(self) -> None:
        """Sections are made, changed, renamed and removed in one go."""
        body = {
            "changes": [
                {"heading": "gateway bay-1", "remove": True},
                {"heading": "evse bay-1", "rename": "evse left"},
                {"heading": "evse left", "options": {"enabled": False, "max_current": 10.0}},
                {
                    "heading": "evse bay-3",
                    "create": True,
                    "options": {"type": "ocpp16", "address": "CP-3", "max_current": 7.5},
                },
            ]
        }
        checked = self.ask("POST", "/settings/check", body)
        self.assertEqual(TEXT, self.path.read_text())
        answer = self.ask("PATCH", "/settings", body)
        self.assertEqual(checked, answer)
        found = values_in(self.path)
        self.assertNotIn("gateway bay-1", found)
        self.assertEqual("10", found["evse left"]["max_current"])
        self.assertEqual("no", found["evse left"]["enabled"])
        self.assertEqual("7.5", found["evse bay-3"]["max_current"])
        self.assertIn("[evse left] enabled: default -> no", self.note)
        self.assertIn("[gateway bay-1] removed", self.note)

    def test_unclear(self) -> None:
        """One change says one thing."""
        for more in (
            {"create": True, "remove": True},
            {"rename": "evse b", "remove": True},
            {"rename": "evse b", "options": {"weight": 2}},
            {"remove": True, "options": {"weight": 2}},
        ):
            body = {"changes": [{"heading": "evse bay-1", **more}]}
            self.assertIsInstance(self.refused("PATCH", "/settings", body), ConfigError)

    def test_evse(self) -> None:
        """Options of one EVSE; null takes one back."""
        patch = ("PATCH", "/evses/{name}")
        self.ask(*patch, {"options": {"max_current": "10", "password": "***"}}, name="bay-1")
        self.assertEqual("10", values_in(self.path)["evse bay-1"]["max_current"])
        self.ask(*patch, {"options": {"max_current": None}}, name="bay-1")
        self.assertEqual(TEXT, self.path.read_text())
        error = self.refused(*patch, {"options": {"max_current": "10"}}, name="bay-9")
        assert isinstance(error, Problem)
        self.assertEqual(404, error.status)

    def test_backups(self) -> None:
        """One of before is found, and is there again."""
        self.ask("PATCH", "/evses/{name}", {"options": {"weight": 2}}, name="bay-1")
        (one,) = self.ask("GET", "/settings/backups")["backups"]
        self.assertEqual(len(TEXT), one["size_bytes"])
        self.assertTrue(one["at"].startswith("2027-03-01T12:00:0"))
        self.ask("POST", "/settings/backups/{id}/restore", id=one["id"])
        self.assertEqual(TEXT, self.path.read_text())
        self.assertIn(one["id"], self.note)

    def test_file(self) -> None:
        """The text without secrets, those in comments and behind values too."""
        route = self.route(self.routes, "GET", "/settings/file")
        answer = done(handling(route, asked(route)))
        assert isinstance(answer, Content)
        text = answer.content.decode()
        self.assertNoSecrets(text)
        self.assertIn("; Our garage\n", text)
        self.assertIn("password = ***\n", text)
        self.assertIn(";max_current = 16\n", text)
        self.assertEqual(TEXT.count("\n"), text.count("\n"))

    def test_file_with_mistakes(self) -> None:
        """One that was spoiled by hand is shown with what is wrong with it, without secrets."""
        self.path.write_text(
            TEXT.replace("[evse bay-1]", "[evse bay-1") + "pasword = bay secret\nbay secret\n"
        )
        shown = self.ask("GET", "/settings")
        self.assertIn("must be a section", " ".join(shown["warnings"]))
        self.assertNoSecrets(shown_text(self.path.read_text()))

    def test_not_shown(self) -> None:
        """What somebody sends does not come out where the body is logged."""
        route = self.route(self.routes, "PATCH", "/settings")
        change = {"heading": "evse bay-1", "options": {"password": "newsecret"}}
        self.assertNotIn("newsecret", repr(asked(route, {"changes": [change]}).body))
        route = self.route(self.routes, "PATCH", "/evses/{name}")
        self.assertNotIn(
            "newsecret", repr(asked(route, {"options": {"password": "newsecret"}}).body)
        )


class Texts(SynchronousTestCase):
    """Values of JSON as they stand in the file, and texts without secrets."""

    def test_numbers(self) -> None:
        """Numbers are plain decimals, truths are words."""
        for value, text in (
            (10, "10"),
            (10.0, "10"),
            (7.5, "7.5"),
            (True, "yes"),
            (False, "no"),
            (None, None),
            ("", ""),
        ):
            self.assertEqual({"x": text}, texts_of({"x": value}))

    def test_sample(self) -> None:
        """There is no secret in the sample."""
        text = SAMPLE.read_text(encoding="utf-8")
        self.assertEqual(
            text.replace("postgresql://USER:PASSWORD@", "postgresql://***@"), shown_text(text)
        )

    @given(
        st.sampled_from(["", ";", "# ", " ; "]),
        st.sampled_from(["password", "signing_passphrase", "parameters"]),
        st.sampled_from([" = {}", "={} ; old {}", '\t= "{}"', " = {}\r"]),
        st.sampled_from(["[ocpp server]", "[evse a]", "[oops]", "", "[x"]),
    )
    def test_any_place(self, mark: str, name: str, form: str, heading: str) -> None:
        """A secret is hidden wherever it stands."""
        text = f"{heading}\n{mark}{name}{form.replace('{}', 'mysecret')}\n[manager]\n"
        self.assertNotIn("mysecret", shown_text(text))
        self.assertIn(name, shown_text(text))


class Live(LiveCase):
    """A site that runs, with a wallbox."""

    async def test_disabled(self) -> None:
        """
        As the manual of the known charging manager has it: "on disable" is set to cancel the
        limits, the wallbox is disabled, and it has no charging profile any more.
        """
        site, port = await self.started()
        settings = SettingsFile(lambda: site.config, site.reload, now, reactor)
        desk = Desk(settings_routes(settings))
        station = await self.station(port, "CP-1")
        await station.call("BootNotification", BOOT)
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        await desk.ask(
            "PATCH",
            "/settings",
            {"changes": [{"heading": "manager", "options": {"on_disable": "cancel_limits"}}]},
        )
        answer = await desk.ask("PATCH", "/evses/bay-1", {"options": {"enabled": False}})
        self.assertEqual(["[evse bay-1] enabled"], answer["changed"])
        self.assertEqual([], answer["needs_restart"])
        # It is applied when the answer is there.
        self.assertFalse(self.evse(site, "bay-1").settings.enabled)
        await station.until(
            lambda: "ClearChargingProfile" in [action for action, _ in station.asked]
        )
        self.assertEqual(
            [
                "[manager] on_disable: default -> cancel_limits",
                "[evse bay-1] enabled: default -> no",
            ],
            [one.removeprefix("[manager] added; ") for one in desk.notes],
        )

    async def test_applied_at_once(self) -> None:
        """A lower limit is on its way when the answer is there; the connection stays."""
        site, port = await self.started()
        desk = Desk(
            settings_routes(SettingsFile(lambda: site.config, site.reload, now, reactor))
        )
        station = await self.station(port, "CP-1")
        await start_transaction(station)
        await station.until(lambda: station.currents() == [16])
        await desk.ask("PATCH", "/evses/bay-1", {"options": {"max_current": 10}})
        self.assertEqual(10_000, self.evse(site, "bay-1").settings.max_current_ma)
        await station.until(lambda: station.currents() == [16, 10])
        self.assertIsNone(station.close_code)
