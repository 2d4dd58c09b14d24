"""Each persona against a site: how it is treated, and what the site knows afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from attrs import frozen

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.net.limits import ServerLimits
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Reaction, Verdict
from cfos_cm.simulator.personas.transactions import SIGNED_STOP_DATA
from cfos_cm.site.evse import Link, Occupancy
from cfos_cm.site.records import StopOutcome
from cfos_cm.storage.transactions import TransactionState
from cfos_cm.v16.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailabilityConfirmation,
    ChangeAvailabilityRequest,
    ChangeConfigurationConfirmation,
    ChangeConfigurationRequest,
    ClearCacheRequest,
    ConfigurationStatus,
    GetConfigurationConfirmation,
    GetConfigurationRequest,
)
from cfos_cm.v16.local_auth_list import GetLocalListVersionRequest
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.v16.types import Message

from .stages import (
    IDENTITY,
    PINGED_AT_ONCE,
    TAG,
    PersonaCase,
    Scene,
    add_tests,
    is_limited,
)

KEY = "00112233445566778899aabbccddeeff"


@frozen
class Setting:
    """
    What a persona's site has to have besides its quirks.

    @ivar evse: more lines for the EVSE.
    @ivar password: what the wallbox is given.
    @ivar requests: what an operator sends when he is asked for it.
    @ivar limits: how much of everything it gets; C{None}: the usual.
    @ivar is_secure: they speak by TLS.
    """

    evse: str = ""
    password: bytes | None = None
    requests: Sequence[Message] = ()
    limits: ServerLimits | None = None
    is_secure: bool = False


_NUMBER_OF_CONNECTORS = GetConfigurationRequest(key=("NumberOfConnectors",))

SETTINGS: Mapping[str, Setting] = {
    "Q6": Setting(limits=PINGED_AT_ONCE),
    "Q9": Setting(is_secure=True),
    "Q14": Setting(requests=[_NUMBER_OF_CONNECTORS]),
    "Q18": Setting(requests=[_NUMBER_OF_CONNECTORS]),
    "Q27": Setting(evse=f"fixed_tag = {TAG}"),
    "Q30": Setting(evse=f"fixed_tag = {TAG}"),
    "Q37": Setting(
        requests=[
            ChangeConfigurationRequest(key=key, value=value)
            for key, value in (
                ("MeterValuesSampledData", "Energy.Active.Import.Register"),
                ("NumberOfConnectors", "2"),
                ("LightIntensity", "1"),
            )
        ]
    ),
    "Q38": Setting(
        requests=[
            TriggerMessageRequest(requested_message=MessageTrigger.METER_VALUES),
            TriggerMessageRequest(requested_message=MessageTrigger.HEARTBEAT),
        ]
    ),
    "Q39": Setting(
        requests=[
            ChangeAvailabilityRequest(connector_id=connector, type=AvailabilityType.INOPERATIVE)
            for connector in (0, 1)
        ]
    ),
    "Q44": Setting(evse=f"password = {KEY}", password=KEY.encode()),
    "Q48": Setting(requests=[GetLocalListVersionRequest(), ClearCacheRequest()]),
    "X1": Setting(requests=[_NUMBER_OF_CONNECTORS]),
}


class Personas(PersonaCase):
    """One test for each persona; its name ends with the persona's number."""

    async def play(self, number: str, setting: Setting | None = None) -> Scene:
        """
        Have a persona play, under the option that its description names.

        @param setting: another one than that of the persona.
        @return: the play, which has passed.
        @raise AssertionError: if the Central System did not pass, or the site does not know
            afterwards what it should.
        """
        persona, setting = PERSONAS[number], setting or SETTINGS.get(number, Setting())
        self.limits = setting.limits
        scene = await self.perform(
            persona,
            persona.setting,
            evse=setting.evse,
            password=setting.password,
            requests=setting.requests,
            is_secure=setting.is_secure,
        )
        self.assertIs(Verdict.PASSED, scene.performance.verdict, _told(scene.performance))
        self.assertIsNone(scene.bay().transaction)
        identity = scene.bay().identity
        assert identity is not None
        self.assertEqual(
            (persona.make.vendor, persona.make.model), (identity.vendor, identity.model)
        )
        self.assertEqual({IDENTITY}, scene.stored.charge_points)
        self.assertCalm()
        check = AFTERWARDS.get(number)
        if check is not None:
            check(self, scene)
        return scene

    async def test_Q4_with_password(self) -> None:
        """Whose identity has another form shows his password under that other one."""
        scene = await self.play("Q4", Setting(evse=f"password = {KEY}", password=KEY.encode()))
        users = {
            line.rpartition(" as ")[2].rstrip(")")
            for line in scene.performance.transcript
            if "with a password" in line
        }
        self.assertEqual({IDENTITY, IDENTITY.lower(), f"{IDENTITY} "}, users)

    def assertEnergies(self, scene: Scene, *energies_wh: int) -> None:
        """Each transaction is stored once, and ended, with its energy. [Wh]"""
        found = [(one.state, one.energy_wh) for one in scene.stored.transactions]
        self.assertEqual([(TransactionState.STOPPED, wh) for wh in energies_wh], found)

    def assertLimited(self, scene: Scene, moment: str = "limited") -> None:
        """The EVSE has confirmed a limit that lets it charge."""
        self.assertTrue(is_limited(scene.bay(moment)), scene.bay(moment))


def _told(performance: Performance) -> str:
    return "\n".join([performance.not_shown, *map(str, performance.findings)])


Check = Callable[[Personas, Scene], None]


def _q4(case: Personas, scene: Scene) -> None:
    """In every form it was the same EVSE."""
    case.assertEqual(11, len(scene.moments))
    case.assertEqual({Link.ONLINE}, {scene.bay(moment).link for moment in scene.moments})


def _q7(case: Personas, scene: Scene) -> None:
    """The transaction went on, and was one."""
    case.assertEnergies(scene, 1000)
    case.assertEqual(Link.LOST, scene.bay("away").link)
    case.assertIsNotNone(scene.bay("away").transaction)
    case.assertEqual(scene.bay("away").transaction, scene.bay("back").transaction)
    case.assertEqual([1], [len(readings) for readings in scene.stored.readings])


def _q9(case: Personas, scene: Scene) -> None:
    """The log says what it may mean that somebody goes without a word."""
    words = "has closed the connection in the middle of TLS; it may not trust the server"
    case.assertTrue([line for line in case.log if words in line], case.log)


def _understood(case: Personas, scene: Scene) -> None:
    """Its odd answer counts as a confirmation."""
    case.assertLimited(scene, "answered")
    case.assertEnergies(scene, 1000, 1000)


def _q14(case: Personas, scene: Scene) -> None:
    """Each breakage was repaired, but for the answer that has no end."""
    _energy(1234, 3)(case, scene)
    reactions = [one.reaction for one in scene.performance.findings]
    case.assertEqual({Reaction.TOLERATED}, set(reactions))
    (answer,) = scene.answers
    case.assertIsInstance(answer, DeviceError)


def _q18(case: Personas, scene: Scene) -> None:
    """Its odd answers are understood, and its CALLERROR reaches who has asked."""
    _understood(case, scene)
    (answer,) = scene.answers
    case.assertIsInstance(answer, DeviceRefusal)


def _one_transaction(case: Personas, scene: Scene) -> None:
    """It is stored once, with its energy."""
    case.assertEnergies(scene, 1000)


def _energy(wh: int, readings: int) -> Check:
    """What it measured is known, and every message of it kept."""

    def check(case: Personas, scene: Scene) -> None:
        case.assertEqual(wh, scene.bay().energy_wh)
        case.assertEqual(readings, len(scene.stored.loose))

    return check


def _q15(case: Personas, scene: Scene) -> None:
    """What it measured is known; what is kept is what came, with the object in it."""
    _energy(4200, 1)(case, scene)
    kept = json.loads(scene.stored.loose[0].payload_text)
    case.assertIsInstance(kept["meterValue"], dict)


def _q19(case: Personas, scene: Scene) -> None:
    """The start was when the wallbox says, whatever zone it says it in."""
    case.assertEnergies(scene, 1000)
    (stored,) = scene.stored.transactions
    told = datetime.fromisoformat(json.loads(stored.start_text)["timestamp"])
    case.assertEqual(told.astimezone(UTC), stored.transaction.started_at)
    case.assertEqual([1], [len(readings) for readings in scene.stored.readings])


def _q20(case: Personas, scene: Scene) -> None:
    """Every reading is kept."""
    case.assertEnergies(scene, 1000)
    case.assertEqual([4], [len(readings) for readings in scene.stored.readings])


def _q21(case: Personas, scene: Scene) -> None:
    """The old status changed nothing; that of the wrong clock did."""
    bay = scene.bay("after an old status")
    case.assertIs(Occupancy.CHARGING, bay.occupancy)
    case.assertIsNotNone(bay.active_transaction_id)
    case.assertIs(Occupancy.FREE, scene.bay("after a status from 1970").occupancy)
    case.assertEnergies(scene, 1000, 1000)


def _q23(case: Personas, scene: Scene) -> None:
    """Stops of nothing are kept for review; the one transaction has its energy."""
    case.assertEnergies(scene, 1000)
    case.assertEqual(
        ["0", "-1", "-2000000001", "2147483648", "9223372036854775807"],
        [stop.transaction_id for stop in scene.stored.stray],
    )
    case.assertEqual({StopOutcome.UNKNOWN}, {stop.outcome for stop in scene.stored.stray})
    case.assertEqual([1], [len(readings) for readings in scene.stored.readings])
    case.assertEqual(1, len(scene.stored.loose))


def _q24(case: Personas, scene: Scene) -> None:
    """It is kept once."""
    case.assertEqual(["1234"], [stop.transaction_id for stop in scene.stored.stray])


def _q25(case: Personas, scene: Scene) -> None:
    """The transaction is over, and has the reading that came late."""
    case.assertIsNone(scene.bay("after the last values").transaction)
    case.assertEnergies(scene, 1000)
    case.assertEqual([1], [len(readings) for readings in scene.stored.readings])


def _q26(case: Personas, scene: Scene) -> None:
    """The first transaction was over when it was free; the second is another."""
    first, second = scene.stored.transactions
    case.assertIsNone(scene.bay("free without a stop").active_transaction_id)
    case.assertEqual(
        second.transaction.transaction_id, scene.bay("the next car").active_transaction_id
    )
    case.assertEqual(
        (TransactionState.SUPERSEDED, TransactionState.STOPPED, 1000),
        (first.state, second.state, second.energy_wh),
    )


def _q27(case: Personas, scene: Scene) -> None:
    """It was started remotely, by its fixed tag; its stop of nothing is kept for review."""
    case.assertTrue(
        any(one.what.startswith("is started remotely") for one in scene.performance.findings)
    )
    case.assertEnergies(scene, 1000)
    case.assertEqual(["-1"], [stop.transaction_id for stop in scene.stored.stray])


def _q28(case: Personas, scene: Scene) -> None:
    """No tag was cut to somebody else's."""
    case.assertEqual((), scene.stored.transactions)


def _q29(case: Personas, scene: Scene) -> None:
    """The stop of nothing is kept for review, the transaction stored."""
    case.assertEnergies(scene, 1000)
    case.assertEqual(["0"], [stop.transaction_id for stop in scene.stored.stray])


def _q30(case: Personas, scene: Scene) -> None:
    """It was asked to start, and had not answered, while its own call was answered."""
    case.assertEnergies(scene, 1000)
    lines = scene.performance.transcript
    asked = next(n for n, line in enumerate(lines) if '"RemoteStartTransaction"' in line)
    status = next(n for n, line in enumerate(lines) if '"Preparing"' in line)
    later = [line for line in lines[max(asked, status) + 1 :] if "-> [3," in line]
    case.assertLess(status, asked)
    case.assertTrue(later)


def _picky(case: Personas, scene: Scene) -> None:
    """It obeys a limit that it takes, in the second of its transactions."""
    case.assertLimited(scene)
    case.assertEnergies(scene, 1000, 1000)


def _limited(case: Personas, scene: Scene) -> None:
    """It obeys a limit that it takes."""
    case.assertLimited(scene)
    case.assertEnergies(scene, 1000)


def _q36(case: Personas, scene: Scene) -> None:
    """What flows is known, and not taken for what is offered."""
    case.assertEqual(PhaseCurrents(9500, 9500, 9500), scene.bay("capped").measured)


def _q37(case: Personas, scene: Scene) -> None:
    """Each of the answers reaches who has asked."""
    case.assertEqual(
        [
            ChangeConfigurationConfirmation(status=status)
            for status in (
                ConfigurationStatus.REBOOT_REQUIRED,
                ConfigurationStatus.REJECTED,
                ConfigurationStatus.NOT_SUPPORTED,
            )
        ],
        list(scene.answers),
    )


def _q38(case: Personas, scene: Scene) -> None:
    """So do the answers to triggers."""
    case.assertEqual(
        [
            TriggerMessageConfirmation(status=status)
            for status in (TriggerMessageStatus.REJECTED, TriggerMessageStatus.NOT_IMPLEMENTED)
        ],
        list(scene.answers),
    )


def _q39(case: Personas, scene: Scene) -> None:
    """So does it that connector 0 cannot be changed, and connector 1 will be."""
    case.assertEqual(
        [
            ChangeAvailabilityConfirmation(status=status)
            for status in (AvailabilityStatus.REJECTED, AvailabilityStatus.SCHEDULED)
        ],
        list(scene.answers),
    )


def _q40(case: Personas, scene: Scene) -> None:
    """Energy, power and currents are what they really were."""
    bay = scene.bay("measured")
    case.assertEqual(
        (12345, 3700, PhaseCurrents(16000, 16000, 16000)),
        (bay.energy_wh, bay.power_w, bay.measured),
    )


def _q42(case: Personas, scene: Scene) -> None:
    """What was signed is kept byte for byte."""
    (stored,), ((reading,),) = scene.stored.transactions, scene.stored.readings
    assert stored.stop_text is not None
    case.assertIn(SIGNED_STOP_DATA, stored.stop_text)
    ocmf = SIGNED_STOP_DATA.partition('"value":')[2].partition(',"format"')[0]
    case.assertIn(r"\u00fcr \\/ 7", ocmf)
    case.assertIn(ocmf, reading.payload_text)


def _q45(case: Personas, scene: Scene) -> None:
    """It has stopped once."""
    case.assertEnergies(scene, 1500)
    case.assertEqual(
        ["HardReset"], [stored.stop_reason for stored in scene.stored.transactions]
    )
    case.assertEqual((), scene.stored.stray)


def _q48(case: Personas, scene: Scene) -> None:
    """Either code is a refusal, and reaches who has asked."""
    case.assertEqual([DeviceRefusal, DeviceRefusal], [type(one) for one in scene.answers])
    for answer, code in zip(scene.answers, ("NotImplemented", "NotSupported"), strict=True):
        case.assertIn(code, str(answer))


def _x1(case: Personas, scene: Scene) -> None:
    """What it meant is known, and reaches who has asked."""
    case.assertEnergies(scene, 1000)
    case.assertEqual([1], [len(readings) for readings in scene.stored.readings])
    (answer,) = scene.answers
    assert isinstance(answer, GetConfigurationConfirmation)
    (known,) = answer.configuration_key or ()
    case.assertEqual(("1", True), (known.value, known.readonly))


def _x4(case: Personas, scene: Scene) -> None:
    """Both charges are of now, and it is free."""
    case.assertEnergies(scene, 1000, 1000)
    started = [one.transaction.started_at for one in scene.stored.transactions]
    case.assertLess(datetime(2020, 1, 1, tzinfo=UTC), min(started))
    case.assertIs(Occupancy.FREE, scene.bay("free again in 2000").occupancy)


def _x7(case: Personas, scene: Scene) -> None:
    """Nobody counts on it, and the log says what it gives."""
    case.assertTrue(scene.bay("seen through").disobedient)
    case.assertTrue([line for line in case.log if "says that it gives 32 A" in line], case.log)


AFTERWARDS: Mapping[str, Check] = {
    "Q4": _q4,
    "Q7": _q7,
    "Q9": _q9,
    "Q11": _understood,
    "Q12": _one_transaction,
    "Q13": _one_transaction,
    "Q14": _q14,
    "Q15": _q15,
    "Q16": _energy(4400, 4),
    "Q17": _energy(4200, 1),
    "Q18": _q18,
    "Q19": _q19,
    "Q20": _q20,
    "Q21": _q21,
    "Q22": _one_transaction,
    "Q23": _q23,
    "Q24": _q24,
    "Q25": _q25,
    "Q26": _q26,
    "Q27": _q27,
    "Q28": _q28,
    "Q29": _q29,
    "Q30": _q30,
    "Q31": _picky,
    "Q32": _limited,
    "Q33": _limited,
    "Q34": _picky,
    "Q35": _picky,
    "Q36": _q36,
    "Q37": _q37,
    "Q38": _q38,
    "Q39": _q39,
    "Q40": _q40,
    "Q42": _q42,
    "Q43": _picky,
    "Q45": _q45,
    "Q48": _q48,
    "X1": _x1,
    "X4": _x4,
    "X5": _limited,
    "X6": _limited,
    "X7": _x7,
    "X9": _limited,
}


add_tests(Personas, PERSONAS, Personas.play)
