"""The OpenAPI document against the program: schemathesis asks whatever the document allows."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end import cases
from tests.end_to_end.program import WAIT_S, Program, free_port
from tests.end_to_end.station import connected

from .test_route_table import OPEN

#: What an answer is held against.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

#: So many requests of each operation.
EXAMPLES = 7

#: These do not end by themselves.
STREAMS = {"/api/v1/live", "/api/v1/trace/live"}

#: Where the fuzzer would take from under its own feet what it stands on: the listening address
#: of the page goes with a state from before, and each new key pair takes a second.
LEFT_OUT = {("post", "/api/v1/certificates/server/create")}

GATEWAY = """
[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{port}/
client_id = DE*TST*E1
password = of-the-backend-1
"""

#: Of what is there: a path with made-up names finds nothing.
NAMES = {
    "/evses/{name}": {"name": "bay-1"},
    "/accounts/{name}": {"name": "admin"},
    "/tokens/{name}": {"name": "spare"},
    "/certificates/gateways/{name}": {"name": "bay-1"},
    "/gateways/{name}": {"name": "bay-1"},
    "/charge-points/{identity}": {"identity": "CP-0001", "key": "HeartbeatInterval"},
    "/tags/{id_tag}": {"id_tag": cases.TAG},
    "/limits/{circuit}": {"circuit": "garage", "by": "ripple-control"},
}


class Fuzz(SynchronousTestCase):
    """
    A site that has charged once, and is asked for all that is documented.

    @cvar token: of an administrator.
    @cvar transaction: the number of its only transaction.
    """

    manager: ClassVar[Program]
    address: ClassVar[str]
    token: ClassVar[str]
    document: ClassVar[Any]
    transaction: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        """Start it, and have a wallbox charge there."""
        cls.manager = cases.make_program()
        cls.addClassCleanup(shutil.rmtree, cls.manager.folder, True)
        cls.addClassCleanup(cls.manager.clean_up)
        web = free_port()
        cls.address = f"http://127.0.0.1:{web}"
        page = f"\n[web]\nlisten = tcp:{web}:interface=127.0.0.1\n"
        gateway = GATEWAY.format(port=free_port())
        cls.manager.configure(cases.tap_cfg(cls.manager.port) + page + gateway)
        for name in ("fuzzer", "spare"):
            done = cls.manager.console("token", name, "--role", "admin")
            assert (done.returncode, done.stderr) == (0, ""), done
            (found,) = [word for word in done.stdout.split() if len(word) >= 40]
            if name == "fuzzer":
                cls.token = found
        done = cls.manager.console("set-password", said=f"{cases.PASSWORD}\n")
        assert done.returncode == 0, done
        cls.manager.start()
        cls.manager.wait_for("the page is at")
        asyncio.run(cls._charge())
        with alone(1) as session:
            cls.document = session.get(
                f"{cls.address}/api/v1/openapi.json",
                headers={"Authorization": cls.bearer()},
                timeout=WAIT_S,
            ).json()

    @classmethod
    async def _charge(cls) -> None:
        async with connected(cls.manager, "CP-0001") as station:
            await station.boot()
            number = await station.charge(cases.TAG)
            cls.transaction = str(number)
            await station.meter(number, 2000, 16)
            await station.end_transaction(number, 3000)
            await station.status("Available")

    @classmethod
    def bearer(cls) -> str:
        """What the administrator says who he is."""
        return f"Bearer {cls.token}"

    def operations(self) -> Iterator[tuple[str, str, Any]]:
        """Method, path and operation of all that is documented."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                yield method, path, operation

    @pytest.mark.timeout(180)
    def test_all(self) -> None:
        """Each answer is one that the document promises, and none has failed here."""
        schema = openapi.from_dict(self.document)
        wrong: list[str] = []
        self.seen: Counter[tuple[str, int]] = Counter()
        for number, found in enumerate(schema.get_all_operations(), 2):
            operation = self.known(found)
            key = (operation.method, operation.path)
            if operation.path in STREAMS or key in LEFT_OUT:
                continue
            try:
                with alone(number) as session:
                    self.asking(operation, session)()
            except (Exception, BaseExceptionGroup) as error:
                wrong.append(f"{operation.method} {operation.path}: {reasons(error)}")
        self.assertEqual([], wrong, "\n\n".join(wrong))
        self.assertTrue(self.manager.is_running, self.manager.tail())
        put_off = {what for what, status in self.seen if status == 429}
        self.assertLessEqual(put_off, {"post /api/v1/session"})
        # What is there is found: else nothing was compared with its schema.
        for method, path, _ in self.operations():
            is_asked = method == "get" and path not in STREAMS and "{key}" not in path
            if is_asked and not path.endswith("/configuration"):
                self.assertIn((f"{method} {path}", 200), self.seen, path)

    def asking(self, operation: Any, session: requests.Session) -> Callable[[], None]:
        """Ask for an operation some times."""

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases_of(operation), is_known=st.sampled_from([True, True, False]))
        def ask(case: Any, is_known: bool) -> None:
            if is_known:
                case.path_parameters = {**case.path_parameters, **self.names(operation.path)}
            answer = case.call(
                base_url=self.address,
                session=session,
                headers={"Authorization": self.bearer()},
                timeout=WAIT_S,
                allow_redirects=False,
            )
            self.seen[f"{operation.method} {operation.path}", answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        return ask

    def known(self, found: Any) -> Any:
        """An operation that schemathesis understands."""
        return found.ok()

    def names(self, path: str) -> dict[str, str]:
        """L{names}."""
        return names(path, self.transaction)

    def test_streams(self) -> None:
        """What does not end begins as it is documented."""
        with alone(1) as session:
            for path in STREAMS:
                answer = session.get(
                    self.address + path,
                    headers={"Authorization": self.bearer()},
                    stream=True,
                    timeout=WAIT_S,
                )
                self.assertEqual(200, answer.status_code)
                documented = self.document["paths"][path]["get"]["responses"]["200"]["content"]
                media = answer.headers["Content-Type"].partition(";")[0]
                self.assertEqual([media], list(documented))
                answer.close()

    def test_without_token(self) -> None:
        """Who does not say who he is is refused with 401 wherever it is not open to anybody."""
        asked = 0
        for method, path, operation in self.operations():
            if (method.upper(), path) in OPEN and path != "/metrics":
                self.assertEqual([], operation["security"], path)
                continue
            refused = (401, "application/problem+json")
            self.assertEqual(refused, self.status(method, path, None), path)
            asked += 1
        self.assertGreater(asked, 70)
        for bearer in ("Bearer " + "x" * 43, f"Bearer {self.token}x", f"Basic {self.token}"):
            self.assertEqual(refused, self.status("get", "/api/v1/settings", bearer), bearer)

    def status(self, method: str, path: str, bearer: str | None) -> tuple[int, str]:
        """Of an answer, and its media type."""
        headers = {} if bearer is None else {"Authorization": bearer}
        for name, value in self.names(path).items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        body: dict[str, str] | None = None if method == "get" else {}
        with alone(250) as session:
            answer = session.request(
                method, self.address + path, json=body, headers=headers, timeout=WAIT_S
            )
        return answer.status_code, answer.headers["Content-Type"].partition(";")[0]


def names(path: str, transaction: str) -> dict[str, str]:
    """What a path's names are called on this site, as far as there is any."""
    for below, known in {**NAMES, "/transactions/{id}": {"id": transaction}}.items():
        if path.startswith(f"/api/v1{below}"):
            return {name: value for name, value in known.items() if f"{{{name}}}" in path}
    return {}


def cases_of(operation: Any) -> st.SearchStrategy[Any]:
    """Requests that the document allows, and, less often, such as it does not."""
    allowed = operation.as_strategy()
    odd = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.sampled_from([allowed, allowed, odd]).flatmap(lambda one: one)


class From(HTTPAdapter):
    """Has a client ask from an address of its own: each may ask so much at a time."""

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Where its connections begin."""
        source = (f"127.0.0.{self._number}", 0)
        super().init_poolmanager(*arguments, source_address=source, **options)


@contextmanager
def alone(number: int) -> Iterator[requests.Session]:
    """A client that no setting of this computer changes, at 127.0.0.C{number}."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", From(number))
        yield session


def reasons(error: BaseException) -> str:
    """All that is wrong with an answer."""
    inner = getattr(error, "exceptions", None)
    return "; ".join(map(reasons, inner)) if inner else f"{type(error).__name__}: {error}"[:900]
