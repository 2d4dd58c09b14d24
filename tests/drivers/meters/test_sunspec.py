"""How a SunSpec meter is found and read."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IMeter, IMeterMaker
from cfos_cm.drivers.meters.sunspec import MAKER
from cfos_cm.drivers.meters.sunspec_models import METER_MODELS
from cfos_cm.drivers.modbus import complaint, line
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.events import MeterMeasured
from cfos_cm.site.meter import MeterRole
from cfos_cm.wire.registers import Value
from tests.drivers.meters.world import MeterCase, device, words_of

L1, L2, L3 = Phase
#: Model 1, and the first meter, of the vendor's own server and of many others.
COMMON = (1, 66)


def chain(base: int, *models: tuple[int, int], is_ended: bool = True) -> dict[int, int]:
    """The registers of a device with these models, each with its number and length."""
    words = {base: 0x5375, base + 1: 0x6E53}
    address = base + 2
    for number, length in (*models, *(((0xFFFF, 0),) if is_ended else ())):
        words |= dict.fromkeys(range(address, address + 2 + length), 0)
        words |= {address: number, address + 1: length}
        address += 2 + length
    return words


def meter_words(number: int, address: int, **values: Value) -> dict[int, int]:
    """The values of a meter whose first register is C{address}."""
    points = METER_MODELS[number].at(address).points
    return words_of({points[name]: value for name, value in values.items()})


class Case(MeterCase):
    """Has a SunSpec device."""

    def serve(self, words: dict[int, int]) -> None:
        """These are its registers."""
        self.fake.words[3] = words

    def why(self) -> str:
        """Why it cannot be read: that is told, and nothing was measured."""
        self.assertEqual([], self.measured())
        (found,) = self.warned
        return found

    def setUp(self) -> None:
        """What is logged is kept."""
        super().setUp()
        self.warned: list[str] = []
        self.patch(
            complaint._log, "warn", lambda text, **words: self.warned.append(words["why"])
        )


class FindingTests(Case):
    """Where a meter is."""

    def test_bases(self) -> None:
        """A device begins at one of three places; the others are refused."""
        for base in (40_000, 50_000, 0):
            self.fake.asked.clear()
            self.serve(chain(base, COMMON, (213, 124)) | meter_words(213, base + 70, W=1.0))
            meter = self.start(MAKER, device())
            self.assertEqual(1, self.one().power_w)
            self.leave(meter)
        self.assertEqual(
            [(3, 40_000, 2), (3, 50_000, 2), (3, 0, 2), (3, 2, 2), (3, 70, 2), (3, 70, 70)],
            self.fake.asked,
        )

    def test_vendor(self) -> None:
        """The vendor's own server: which of its meters is said by a number."""
        meters = [(213, 124)] * 7
        words = chain(40_000, COMMON, *meters, (60_000, 16), (60_001, 32))
        addresses = (40_070, 40_196, 40_322, 40_448, 40_574, 40_700, 40_826)
        for number, address in enumerate(addresses, 1):
            words |= meter_words(213, address, W=1000.0 * number)
        self.serve(words)
        for number in (1, 3, 7):
            meter = self.start(MAKER, device(parameters=f"number={number}"))
            self.assertEqual(1000 * number, self.one().power_w)
            self.leave(meter)

    def test_longer_model(self) -> None:
        """A model may have more registers than it needs, as the vendor's have."""
        words = chain(0, COMMON, (213, 126), (203, 105))
        self.serve(words | meter_words(203, 70 + 128, W=7))
        self.start(MAKER, device(parameters="number=2"))
        self.assertEqual(7, self.one().power_w)

    def test_no_device(self) -> None:
        """What says SunS nowhere is no SunSpec device."""
        self.serve({40_000: 0x5375, 40_001: 0x6E54})
        self.start(MAKER, device())
        self.assertIn("'SunS' is at none of 40000, 50000, 0", self.why())

    def test_no_meter(self) -> None:
        """A device without a meter says which models it has."""
        self.serve(chain(40_000, COMMON, (103, 50)))
        self.start(MAKER, device())
        self.assertIn("meter 1 was asked for, and it has 0", self.why())

    def test_too_few_meters(self) -> None:
        """A device with fewer meters says which models it has."""
        self.serve(chain(40_000, COMMON, (203, 105)))
        self.start(MAKER, device(parameters="number=2"))
        self.assertIn("it has 1: of the models", self.why())

    def test_no_end(self) -> None:
        """A chain that leads on and on is left after so many models."""
        self.serve(chain(40_000, *[(64_001, 1)] * 200))
        self.start(MAKER, device())
        self.assertIn("more than 128 models: 64001 at 40002, 64001 at 40005", self.why())
        self.assertLess(len(self.fake.asked), 140)

    def test_broken_chain(self) -> None:
        """A chain that leads where nothing is ends with the refusal."""
        self.serve(chain(40_000, COMMON, is_ended=False))
        self.start(MAKER, device())
        self.assertIn("illegal data address", self.why())

    def test_nonsense(self) -> None:
        """A length that cannot be is a mistake of the device: nothing, or beyond the last."""
        for length in (0, 65_535 - 40_000):
            self.warned.clear()
            self.serve({**chain(40_000, COMMON, (64_001, 1)), 40_070: 64_001, 40_071: length})
            meter = self.start(MAKER, device())
            self.assertIn(f"64001 at 40070 says that it has {length} registers", self.why())
            self.leave(meter)

    def test_short_model(self) -> None:
        """A meter that is shorter than what is read of it is not read."""
        for number, length, least in ((203, 50, 53), (213, 60, 68)):
            self.warned.clear()
            self.serve(chain(40_000, COMMON, (number, length)))
            meter = self.start(MAKER, device())
            self.assertIn(
                f"has {length} registers; what is read of it needs at least {least}", self.why()
            )
            self.leave(meter)

    def test_mute(self) -> None:
        """A device that says nothing at all is not called no SunSpec device."""
        self.fake.is_mute = True
        self.start(MAKER, device())
        self.run_for(12)
        self.assertTrue(self.warned)
        for why in self.warned:
            self.assertNotIn("no SunSpec device", why)


class ReadingTests(Case):
    """What is reported, round by round."""

    def serve_meter(self, address: int = 40_070, **values: Value) -> None:
        """One meter, after model 1 and perhaps something else."""
        before = [COMMON] if address == 40_070 else [COMMON, (64_001, address - 40_072)]
        self.serve(chain(40_000, *before, (213, 124)) | meter_words(213, address, **values))

    def test_each_second(self) -> None:
        """It is read once a second, by one request."""
        self.serve_meter(W=-500.0, AphA=1.0, WphA=230.0, AphB=3.0, WphB=-700.0)
        meter = self.start(MAKER, device())
        verifyObject(IMeter, meter)
        self.fake.asked.clear()
        self.run_for(3)
        expected = MeterMeasured("meter", PhaseCurrents(1000, -3000, 0), -500, 0)
        self.assertEqual([expected] * 4, self.measured())
        self.assertEqual([(3, 40_070, 70)] * 3, self.fake.asked)

    def test_wired(self) -> None:
        """Its terminals are wired as they are said to be, and it counts the other way."""
        self.serve_meter(W=500.0, AphA=1.0, WphA=230.0, AphB=3.0, WphB=700.0, TotWhExp=9.0)
        self.start(
            MAKER, device(MeterRole.GENERATION, phases=(L2, L3, L1), parameters="inverted")
        )
        self.assertEqual(
            MeterMeasured("meter", PhaseCurrents(0, -1000, -3000), -500, 9), self.one()
        )

    def test_found_again(self) -> None:
        """After the connection was lost it is looked for anew: it may be elsewhere."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.fake.hang_up()
        self.serve_meter(40_100, W=2.0)
        self.assertEqual([1], [event.power_w for event in self.measured()])
        self.run_for(5)
        self.assertEqual({2}, {event.power_w for event in self.measured()})
        self.assertEqual(["the connection to tcp:192.0.2.6:502 is lost"], self.lost())

    def test_moved(self) -> None:
        """When it has moved meanwhile, that is seen, and it is looked for anew."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.serve_meter(40_100, W=2.0)
        self.run_for(2)
        self.assertEqual([1, 2], [event.power_w for event in self.measured()][:2])
        self.assertEqual([], self.lost())

    def test_moved_away(self) -> None:
        """The same where nothing is left in its place."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.serve(chain(50_000, COMMON, (213, 124)) | meter_words(213, 50_070, W=2.0))
        self.run_for(2)
        self.assertEqual([1, 2], [event.power_w for event in self.measured()][:2])
        self.assertEqual([], self.lost())

    def swap(self) -> None:
        """Another device is there now: what was its only meter is the second one."""
        self.serve(
            chain(40_000, COMMON, (213, 124), (213, 124))
            | meter_words(213, 40_070, W=5.0)
            | meter_words(213, 40_196, W=6.0)
        )

    def test_swapped_behind_gateway(self) -> None:
        """What did not answer for a while may be another one, though nobody has hung up."""
        self.serve_meter(40_196, W=1.0)
        self.start(MAKER, device())
        self.fake.deaf_to = 70
        self.patch(line, "MOST_SILENCES", 1000)
        self.run_for(10)
        self.assertEqual(1, len(self.lost()))
        self.fake.deaf_to = 0
        self.swap()
        self.measured()
        self.run_for(60)
        self.assertEqual({5}, {event.power_w for event in self.measured()})

    def test_swapped_before_it_was_read(self) -> None:
        """A meter that was found and never read is looked for anew after a reconnection."""
        self.serve_meter(40_196, W=1.0)
        self.fake.deaf_to = 70
        self.start(MAKER, device())
        self.swap()
        self.fake.deaf_to = 0
        self.fake.hang_up()
        self.run_for(60)
        self.assertEqual({5}, {event.power_w for event in self.measured()})

    def test_away(self) -> None:
        """A meter that does not answer any more is lost, once, and comes back."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.fake.is_mute = True
        self.run_for(20)
        self.assertEqual(1, len(self.lost()))
        self.fake.is_mute = False
        self.measured()
        self.run_for(40)
        self.assertTrue(self.measured())

    def test_nothing_told(self) -> None:
        """A meter that tells nothing at all is none."""
        self.serve(chain(40_000, COMMON, (203, 105)))
        words = self.fake.words[3]
        for place in range(40_072, 40_177):
            words[place] = 0x8000
        words |= meter_words(203, 40_070, TotWhImp=0, TotWhExp=0)
        self.start(MAKER, device())
        self.assertIn("neither a current nor a power", self.why())

    def test_stopped(self) -> None:
        """After it was stopped nothing is asked any more, and no timer is left."""
        self.serve_meter(W=1.0)
        meter = self.start(MAKER, device())
        self.leave(meter)
        self.assertEqual(1, len(self.measured()))
        self.leave(meter)
        meter.start()
        self.run_for(0)
        self.assertEqual(1, len(self.measured()))

    def test_started_twice(self) -> None:
        """Who has started it already starts it once."""
        self.serve_meter(W=1.0)
        meter = self.start(MAKER, device())
        meter.start()
        self.run_for(3)
        self.assertEqual(4, len(self.measured()))
        self.leave(meter)

    def test_told_once(self) -> None:
        """Why it cannot be read is told once, however often that is tried."""
        self.start(MAKER, device())
        self.run_for(20)
        self.why()
        self.serve(chain(40_000, COMMON))
        self.run_for(60)
        self.assertEqual(2, len(self.warned))

    def test_silence_is_told_once(self) -> None:
        """Why it is lost is reported; while it is the same, it is not logged besides."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.fake.words[3].clear()
        self.run_for(120)
        self.assertEqual([], self.warned)
        self.assertEqual(1, len(self.lost()))

    def test_lost_connection(self) -> None:
        """That a connection is lost in the middle of a question is the connection's to log."""
        self.serve_meter(W=1.0)
        self.start(MAKER, device())
        self.fake.is_mute = True
        self.run_for(1.25)
        self.fake.hang_up(is_off=True)
        self.run_for(5)
        self.assertEqual([], self.warned)
        self.assertEqual(1, len(self.lost()))

    def test_stopped_meanwhile(self) -> None:
        """A round that is under way ends, too."""
        self.serve_meter(W=1.0)
        self.fake.is_mute = True
        meter = self.start(MAKER, device())
        self.leave(meter)


class MakerTests(Case):
    """What tap.cfg may say."""

    def test_objections(self) -> None:
        """A place, and known parameters."""
        verifyObject(IMeterMaker, MAKER)
        self.assertIsNone(MAKER.objection(device(parameters="number=2 inverted")))
        for others, option in (
            ({"address": None}, "address"),
            ({"address": "192.0.2.6"}, "address"),
            ({"parameters": "meter=2"}, "parameters"),
        ):
            found = MAKER.objection(device(**others))
            assert found is not None
            self.assertEqual(option, found[0])
