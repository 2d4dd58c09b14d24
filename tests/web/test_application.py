"""What a request goes through, in memory."""

from __future__ import annotations

import gzip
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import (
    CallErrorCode,
    CfosError,
    ConfigError,
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    Mistake,
    NoAnswer,
    NotSent,
    StorageError,
)
from cfos_cm.web.answer import Json
from cfos_cm.web.audited import Audited
from cfos_cm.web.role import Role
from cfos_cm.web.route import Asked, Handler
from cfos_cm.web.settings import HttpSettings

from .asking import ADMIN, CSRF, HOST, SESSION, House, heard, request, route

JSON = {"Content-Type": "application/json"}
COOKIE = {"Cookie": f"cfos_cm={SESSION}"}
OWN_PAGE = {**COOKIE, **JSON, "Origin": f"http://{HOST}", "X-CSRF-Token": CSRF}
WISH = b'{"current_ma":6000}'

SECURITY = (
    "content-security-policy", "x-content-type-options", "x-frame-options",
    "referrer-policy", "permissions-policy", "cross-origin-resource-policy",
)  # fmt: skip


class Roles(SynchronousTestCase):
    """Who may ask for what."""

    def test_nobody(self) -> None:
        """Who does not say who he is gets nothing but what anybody gets."""
        house = House()
        answer = house.ask("/api/v1/things", fields={})
        self.assertEqual((401, "Bearer"), (answer.status, answer.fields["www-authenticate"]))
        self.assertEqual(204, house.ask("/healthz", fields={}).status)

    def test_each_role(self) -> None:
        """A role may do what a lower one may, and nothing of a higher one."""
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
            house = House()
            house.keeper.role = role
            seen = house.ask("/api/v1/things").status
            ordered = house.ask("/api/v1/things/a/pause", "POST").status
            removed = house.ask("/api/v1/things/a", "DELETE").status
            self.assertEqual(200, seen)
            self.assertEqual(200 if role >= Role.OPERATOR else 403, ordered)
            self.assertEqual(204 if role >= Role.ADMIN else 403, removed)

    def test_wrong_token(self) -> None:
        """A token that counts no more is not taken for nobody."""
        house = House()
        answer = house.ask("/healthz", fields={"Authorization": "Bearer other"})
        self.assertEqual(401, answer.status)

    def test_somebody_elses_scheme(self) -> None:
        """What a proxy was told by HTTP Basic authentication says nothing to us."""
        fields = {**COOKIE, "Authorization": "Basic YTpi"}
        self.assertEqual(200, House().ask("/api/v1/things", fields=fields).status)

    def test_both(self) -> None:
        """A cookie and a token together say two things."""
        answer = House().ask("/api/v1/things", fields={**ADMIN, **COOKIE})
        self.assertEqual(400, answer.status)

    def test_two_cookies(self) -> None:
        """One of two cookies of one name is somebody else's: none of them counts."""
        fields = {"Cookie": f"cfos_cm={SESSION}; cfos_cm=other"}
        self.assertEqual(401, House().ask("/api/v1/things", fields=fields).status)

    def test_cookie_of_the_other_kind(self) -> None:
        """The cookie of a plain connection says nothing on an encrypted one, and vice versa."""
        house = House(settings=HttpSettings(trusted_proxies=("192.0.2.1",)))
        tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"}
        secure = {"Cookie": f"__Host-cfos_cm={SESSION}"}
        self.assertEqual(401, house.ask("/api/v1/things", fields={**COOKIE, **tls}).status)
        self.assertEqual(200, house.ask("/api/v1/things", fields={**secure, **tls}).status)
        self.assertEqual(401, house.ask("/api/v1/things", fields=secure).status)

    def test_before_set_up(self) -> None:
        """Before there is a password nothing answers but what anybody may ask for."""
        house = House()
        house.keeper.is_set_up = False
        answer = house.ask("/api/v1/things")
        self.assertEqual((403, False), (answer.status, answer.json["is_set_up"]))
        self.assertEqual(204, house.ask("/healthz").status)


class Forgery(SynchronousTestCase):
    """What a page of somebody else has a browser do."""

    def status(self, fields: dict[str, str], method: str = "POST", body: bytes = WISH) -> int:
        """The answer to something that changes something."""
        return House().ask("/api/v1/things", method, fields, body).status

    def test_own_page(self) -> None:
        """Our own page may, by its Origin or by what the browser says of it."""
        without = {name: value for name, value in OWN_PAGE.items() if name != "Origin"}
        self.assertEqual(200, self.status(OWN_PAGE))
        self.assertEqual(200, self.status({**without, "Sec-Fetch-Site": "same-origin"}))

    def test_form(self) -> None:
        """A form of another page is refused, whatever it calls what it sends."""
        theirs = {**OWN_PAGE, "Origin": "https://evil.test"}
        for media in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
            self.assertIn(self.status({**theirs, "Content-Type": media}), (403, 415))
        self.assertEqual(403, self.status({**OWN_PAGE, "Origin": "null"}))
        self.assertEqual(403, self.status({**theirs, "Origin": f"https://{HOST}"}))
        self.assertEqual(403, self.status({**theirs, "Origin": "http://localhost:9999"}))

    def test_without_origin(self) -> None:
        """A cookie without a word where it comes from is no page's of today."""
        without = {name: value for name, value in OWN_PAGE.items() if name != "Origin"}
        self.assertEqual(403, self.status(without))

    def test_without_token(self) -> None:
        """Who cannot read what we have told our page cannot order."""
        for wrong in ("", "other", CSRF + "x", "ä"):
            self.assertEqual(403, self.status({**OWN_PAGE, "X-CSRF-Token": wrong}))

    def test_fetch_site(self) -> None:
        """What a browser says of where a request comes from is believed."""
        for site in ("cross-site", "same-site", "none"):
            self.assertEqual(403, self.status({**OWN_PAGE, "Sec-Fetch-Site": site}))
            self.assertEqual(403, self.status({**ADMIN, **JSON, "Sec-Fetch-Site": site}))

    def test_image(self) -> None:
        """An image or a fetch of another page is shown nothing."""
        for site in ("cross-site", "same-site"):
            self.assertEqual(403, self.status({**COOKIE, "Sec-Fetch-Site": site}, "GET", b""))
        self.assertEqual(200, self.status({**COOKIE, "Sec-Fetch-Site": "none"}, "GET", b""))

    def test_login(self) -> None:
        """No form logs anybody in: what anybody may do is checked, too."""
        fields = {**JSON, "Origin": "https://evil.test"}
        self.assertEqual(403, House().ask("/api/v1/login", "POST", fields, WISH).status)
        self.assertEqual(200, House().ask("/api/v1/login", "POST", JSON, WISH).status)

    def test_no_cors(self) -> None:
        """Who asks whether other pages may is told of methods, and of nobody else."""
        fields = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
        answer = House().ask("/api/v1/things", "OPTIONS", fields)
        self.assertEqual((204, "GET, HEAD, POST"), (answer.status, answer.fields["allow"]))
        self.assertFalse([name for name in answer.fields if name.startswith("access-control")])


class Hosts(SynchronousTestCase):
    """By which name somebody asks (DNS rebinding)."""

    def status(self, host: str, path: str = "/healthz") -> int:
        """The answer to who asks for this host."""
        return House().ask(path, fields={"Host": host}).status

    def test_strangers(self) -> None:
        """A name that is none of ours is answered nothing, not even the page."""
        for host in ("evil.test", "evil.test:8090", "localhost.evil.test", "a b", "[evil]"):
            for path in ("/healthz", "/", "/nope"):
                self.assertEqual(421, self.status(host, path), host)

    def test_ours(self) -> None:
        """Addresses, this computer's own names and those that are configured are ours."""
        for host in ("127.0.0.1", "[::1]:8090", "192.168.0.9:1", "LOCALHOST", "box.example."):
            self.assertEqual(204, self.status(host), host)

    def test_none_or_two(self) -> None:
        """A request has exactly one Host."""
        house = House()
        twice = [("Host", "localhost"), ("Host", "evil.test")]
        self.assertEqual(400, house.ask("/healthz", fields=twice).status)
        peer = house.peer()
        peer.say(b"GET /healthz HTTP/1.1\r\n\r\n")
        self.assertEqual(400, heard(peer.all_heard())[0].status)


class Pace(SynchronousTestCase):
    """How fast somebody may ask."""

    def test_too_fast(self) -> None:
        """After a burst he has to wait; others do not; later he may again."""
        house = House()
        got = [house.ask("/healthz", fields={}).status for _ in range(201)]
        self.assertEqual([204] * 200 + [429], got)
        refused = house.ask("/", fields={})
        self.assertEqual((429, "1"), (refused.status, refused.fields["retry-after"]))
        self.assertEqual(204, house.ask("/healthz", fields={}, address="192.0.2.2").status)
        house.clock.advance(1)
        self.assertEqual(204, house.ask("/healthz", fields={}).status)

    def test_behind_a_proxy(self) -> None:
        """Of two who come by one proxy that is believed each has his own pace."""
        house = House(settings=HttpSettings(trusted_proxies=("192.0.2.1",)))
        for _ in range(201):
            last = house.ask("/healthz", fields={"X-Forwarded-For": "198.51.100.1"})
        other = house.ask("/healthz", fields={"X-Forwarded-For": "198.51.100.2"})
        self.assertEqual((429, 204), (last.status, other.status))


class Bodies(SynchronousTestCase):
    """What is said."""

    def test_media_type(self) -> None:
        """Only what is declared as JSON is read as JSON."""
        house = House()
        for media in ("text/plain", "application/xml", "application/json; charset=latin-1"):
            fields = {**ADMIN, "Content-Type": media}
            self.assertEqual(415, house.ask("/api/v1/things", "POST", fields, WISH).status)
        self.assertEqual(415, house.ask("/api/v1/things", "POST", ADMIN, WISH).status)
        fields = {**ADMIN, "Content-Type": "application/json; charset=UTF-8"}
        self.assertEqual(200, house.ask("/api/v1/things", "POST", fields, WISH).status)

    def test_not_json(self) -> None:
        """What two readers could read differently is read by none."""
        house = House()
        doubled = b'{"current_ma":1,"current_ma":2}'
        for body in (b"", b"{", doubled, b'{"current_ma":NaN}', b"[" * 40 + b"]" * 40):
            answer = house.ask("/api/v1/things", "POST", {**ADMIN, **JSON}, body)
            self.assertEqual(400, answer.status, body)

    def test_not_allowed(self) -> None:
        """What is not allowed is named, with what is."""
        house = House()
        for body, field, words in (
            (b'{"current_ma":-1}', "current_ma", "int >= 0"),
            (b'{"current_ma":1,"volts":2}', "volts", "current_ma, colour, names"),
            (b'{"current_ma":1,"colour":"pink"}', "colour", "red, blue"),
            (b'{"current_ma":1,"names":["toolong"]}', "names[0]", "length <= 5"),
            (b"{}", "current_ma", "missing"),
            (b"[]", "", "Expected object"),
        ):
            answer = house.ask("/api/v1/things", "POST", {**ADMIN, **JSON}, body)
            self.assertEqual((422, field), (answer.status, answer.json["field"]))
            self.assertIn(words, answer.json["detail"])

    def test_no_body(self) -> None:
        """Where nothing is to be said, an empty object says nothing, and all else too much."""
        house, path = House(), "/api/v1/things/a/pause"
        self.assertEqual(200, house.ask(path, "POST").status)
        self.assertEqual(200, house.ask(path, "POST", {**ADMIN, **JSON}, b"{}").status)
        self.assertEqual(400, house.ask(path, "POST", {**ADMIN, **JSON}, b'{"a":1}').status)
        self.assertEqual(415, house.ask(path, "POST", ADMIN, b"{}").status)
        self.assertEqual(400, house.ask("/api/v1/things", "GET", ADMIN, b"{}").status)

    def test_query(self) -> None:
        """Parameters are read as what they are, each once; what is unknown is named."""
        house = House()
        found = house.ask("/api/v1/things?limit=7&evse=a%20b").json["query"]
        self.assertEqual((7, "a b"), (found["limit"], found["evse"]))
        for query in ("limit=0", "limit=x", "limit=", "limit=1&limit=2", "other=1", "evse=%ff",
                      "evse=%00", "&".join(f"a{n}=1" for n in range(60))):  # fmt: skip
            self.assertEqual(400, house.ask(f"/api/v1/things?{query}").status, query)
        self.assertEqual(400, house.ask("/api/v1/things/a?limit=1").status)

    def test_path(self) -> None:
        """A slash in a name is a part of it; what is no text is none."""
        house = House()
        for path, name in (("a%2Fb", "a/b"), ("%C3%A4", "ä"), ("..%2f..", "../..")):
            answer = house.ask(f"/api/v1/things/{path}")
            self.assertEqual({"name": name}, answer.json["path"])
        for path in ("%ff", "%00", "a%0d%0ab"):
            self.assertEqual(400, house.ask(f"/api/v1/things/{path}").status)
        self.assertEqual(400, house.ask("/api/v1/things/\x7f").status)
        self.assertEqual(400, house.ask("http://localhost/healthz").status)

    def test_small_letters(self) -> None:
        """A method is in capital letters; what looks like one in small letters does nothing."""
        house = House()
        for method in ("get", "head", "Delete"):
            answer = house.ask("/api/v1/things/a", method, ADMIN)
            self.assertEqual(501, answer.status, method)
        self.assertEqual([], house.audited)

    def test_nearly_right(self) -> None:
        """A path that is nearly right leads nowhere, and not elsewhere."""
        for path in ("/api/v1/things/", "//api/v1/things", "/api//v1/things", "/api/v1", "/x"):
            self.assertEqual(404, House().ask(path).status, path)


class Answers(SynchronousTestCase):
    """What is answered."""

    def test_security(self) -> None:
        """Every answer has the header fields of security, and none says who serves."""
        house = House()
        house.keeper.role = Role.VIEWER
        asked = [
            house.ask("/api/v1/things"), house.ask("/"), house.ask("/nope"),
            house.ask("/api/v1/things", "PATCH"), house.ask("/api/v1/things", "OPTIONS"),
            house.ask("/api/v1/things/a", "DELETE"), house.ask("/api/v1/things", fields={}),
            house.ask("/healthz", fields={"Host": "evil.test"}), house.ask("/api/v1/broken"),
            house.ask("/api/v1/long", "HEAD"), house.ask("/api/v1/things?x=1"),
        ]  # fmt: skip
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(
            [200, 503, 404, 405, 204, 403, 401, 421, 500, 200, 400],
            [one.status for one in asked],
        )
        for one in asked:
            self.assertLessEqual(set(SECURITY), set(one.fields), one.status)
            self.assertNotIn("server", one.fields)
            self.assertNotIn("strict-transport-security", one.fields)
            self.assertEqual("no-store", one.fields["cache-control"])
            self.assertNotIn("unsafe", one.fields["content-security-policy"])

    def test_tls_only(self) -> None:
        """Who has come by TLS is to come by TLS again, also if he was refused."""
        house = House(settings=HttpSettings(trusted_proxies=("192.0.2.0/24",)))
        tls = {**ADMIN, "X-Forwarded-Proto": "https"}
        for path in ("/api/v1/things", "/nope"):
            answer = house.ask(path, fields=tls)
            self.assertIn("strict-transport-security", answer.fields)
        stranger = house.ask("/api/v1/things", fields=tls, address="198.51.100.1")
        self.assertNotIn("strict-transport-security", stranger.fields)
        self.assertEqual(False, stranger.json["is_secure"])

    def test_failure(self) -> None:
        """What nobody has foreseen is in the log, and tells whoever asks nothing."""
        house = House()
        answer = house.ask("/api/v1/broken")
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(500, answer.status)
        self.assertNotIn(b"hunter2", answer.body)
        self.assertEqual(["web_requests_failed"], house.counted)

    def test_on_purpose(self) -> None:
        """What is raised on purpose becomes a problem with its words."""
        mistake = Mistake("tap.cfg", 3, "evse a", "max_current", "x", "must be a number")
        for error, status, further in (
            (ConfigError([mistake]), 422, "mistakes"),
            (LocalProtocolError("not so"), 409, ""),
            (NotSent("away"), 409, ""),
            (NoAnswer("silent"), 504, ""),
            (DeviceRefusal("no", CallErrorCode.NOT_SUPPORTED), 502, "ocpp_error"),
            (DeviceRefusal("no"), 502, ""),
            (DeviceError("no"), 502, ""),
            (StorageError("full"), 503, ""),
            (CfosError("so not"), 409, ""),
        ):
            answer = House((route(handle=_raising(error)),)).ask("/api/v1/things")
            self.assertEqual(
                (status, "application/problem+json"),
                (answer.status, answer.fields["content-type"]),
            )
            self.assertEqual(
                (status, str(error)), (answer.json["status"], answer.json["detail"])
            )
            self.assertIn(further or "title", answer.json)

    def test_mistakes(self) -> None:
        """Each mistake of a configuration is told with its place."""
        mistake = Mistake("tap.cfg", 3, "evse a", "max_current", "x", "must be a number")
        house = House((route(handle=_raising(ConfigError([mistake]))),))
        (told,) = house.ask("/api/v1/things").json["mistakes"]
        self.assertEqual((3, "evse a", "max_current"),
                         (told["line"], told["section"], told["option"]))  # fmt: skip

    def test_gzip(self) -> None:
        """A long answer is packed for who takes it so, and only for him."""
        house = House()
        plain = house.ask("/api/v1/long")
        packed = house.ask(
            "/api/v1/long", fields={**ADMIN, "Accept-Encoding": "br, gzip;q=0.5"}
        )
        never = house.ask("/api/v1/long", fields={**ADMIN, "Accept-Encoding": "gzip;q=0.0"})
        self.assertEqual(plain.body, gzip.decompress(packed.body))
        self.assertEqual("gzip", packed.fields["content-encoding"])
        self.assertEqual('W/"one"', packed.fields["etag"])
        self.assertEqual(plain.body, never.body)
        self.assertLess(len(packed.body), len(plain.body) // 10)

    def test_known_already(self) -> None:
        """Who has the newest state is not told it again."""
        house = House()
        for known in ('"one"', 'W/"one"', '"other", "one"', "*"):
            answer = house.ask("/api/v1/long", fields={**ADMIN, "If-None-Match": known})
            self.assertEqual((304, b""), (answer.status, answer.body))
        answer = house.ask("/api/v1/long", fields={**ADMIN, "If-None-Match": '"other"'})
        self.assertEqual((200, '"one"'), (answer.status, answer.fields["etag"]))

    def test_if_match(self) -> None:
        """The state that somebody believes in reaches the route."""
        house = House()
        for said, passed in (('"one"', "one"), ('W/"one"', "one"), ("*", None), ("one", "one")):
            answer = house.ask("/api/v1/things", fields={**ADMIN, "If-Match": said})
            self.assertEqual(passed, answer.json["if_match"])
        two = house.ask("/api/v1/things", fields={**ADMIN, "If-Match": '"a", "b"'})
        self.assertEqual(400, two.status)

    def test_head(self) -> None:
        """HEAD says what GET would, without the body."""
        house = House()
        head, whole = house.ask("/api/v1/long", "HEAD"), house.ask("/api/v1/long")
        self.assertEqual(whole.fields, head.fields)
        self.assertEqual(b"", head.body)

    def test_file_name(self) -> None:
        """A file is kept under its name, whatever is in it."""
        answer = House().ask("/api/v1/table")
        self.assertEqual(
            "attachment; filename=\"__b.csv\"; filename*=UTF-8''%C3%A4%20b.csv",
            answer.fields["content-disposition"],
        )

    def test_no_second_line(self) -> None:
        """What a route says in a header field cannot make another one of it."""

        async def handle(_: Asked) -> Json:
            return Json(1, headers={"X-Thing": "a\r\nSet-Cookie: b=c"})

        answer = House((route(handle=handle),)).ask("/api/v1/things")
        self.assertNotIn("set-cookie", answer.fields)


class Notes(SynchronousTestCase):
    """What is noted of those who change something."""

    def test_changes(self) -> None:
        """Each change is noted with who has asked, what came of it, and the route's note."""
        house = House()
        house.ask("/api/v1/things?limit=5", "GET")
        house.ask("/api/v1/things/a%2Fb/pause", "POST")
        house.keeper.role = Role.VIEWER
        house.ask("/api/v1/things/a", "DELETE")
        self.assertEqual(
            [
                Audited(who="a program", role=Role.ADMIN, origin="192.0.2.1", method="POST",
                        path="/api/v1/things/a%2Fb/pause", status=200, note="told"),
                Audited(who="a program", role=Role.VIEWER, origin="192.0.2.1", method="DELETE",
                        path="/api/v1/things/a", status=403, note=""),
            ],
            house.audited,
        )  # fmt: skip

    def test_not_noted(self) -> None:
        """A route can note by itself."""
        house = House((route("POST", is_audited=False),))
        self.assertEqual(200, house.ask("/api/v1/things", "POST").status)
        self.assertEqual([], house.audited)


class Gone(SynchronousTestCase):
    """Who asks and does not wait."""

    def test_finished(self) -> None:
        """What somebody has ordered is done and noted, also when he has gone."""
        waited: Deferred[None] = Deferred()
        done = []

        async def handle(_: Asked) -> Json:
            await waited
            done.append(1)
            return Json(1)

        house = House((route("POST", handle=handle),))
        peer = house.peer()
        peer.say(request("POST", "/api/v1/things", ADMIN, b""))
        peer.leave()
        self.assertEqual([], done)
        waited.callback(None)
        self.assertEqual([1], done)
        self.assertEqual([200], [one.status for one in house.audited])

    def test_many_at_once(self) -> None:
        """No more is worked on at once than can be; when it is done, others are answered."""
        waited: Deferred[None] = Deferred()

        async def handle(_: Asked) -> Json:
            if not waited.called:
                mine: Deferred[None] = Deferred()
                waited.addCallback(lambda _: mine.callback(None))
                await mine
            return Json(1)

        house = House((route(handle=handle),))
        for number in range(100):
            house.peer(f"198.51.100.{number}").say(request("GET", "/api/v1/things", ADMIN, b""))
        self.assertEqual(503, house.ask("/api/v1/things").status)
        waited.callback(None)
        self.assertEqual(200, house.ask("/api/v1/things").status)


class Making(SynchronousTestCase):
    """What an application can be made of."""

    def test_same_route_twice(self) -> None:
        """Two routes of one place are a mistake that is seen at once."""
        with self.assertRaises(ValueError):
            House((route(), route()))

    def test_wrong_proxy(self) -> None:
        """A proxy without an address is a mistake that is seen at once."""
        with self.assertRaises(ValueError):
            House(settings=HttpSettings(trusted_proxies=("proxy.example",)))

    def test_no_folder(self) -> None:
        """Without its files the page is not there, and all else is."""
        house = House(page=Path(self.mktemp()))
        self.assertIn(b"build_page", house.ask("/", fields={}).body)
        self.assertEqual(204, house.ask("/healthz").status)


def _raising(error: CfosError) -> Handler:
    async def handle(_: Asked) -> Json:
        raise error

    return handle
