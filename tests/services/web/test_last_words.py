"""What EVSEs have said last."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.last_words import LastWords
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    EvseLost,
    LimitsCancelled,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
)
from cfos_cm.site.evse import DeviceIdentity, EvseSettings, Occupancy
from cfos_cm.site.state import SiteState, fold

LEFT_ALONE = EvseSettings("a", "garage", enabled=False, released_when_disabled=True)
SETTINGS = SettingsChanged("Garage", False, (), (LEFT_ALONE, EvseSettings("b", "garage")))


class LastWordsTests(SynchronousTestCase):
    """What is remembered of a, which is to be released, and of b."""

    def setUp(self) -> None:
        """Begin with the settings."""
        self.words, self.state = LastWords(), SiteState()
        self.happens(SETTINGS)

    def happens(self, *events: SiteEvent) -> None:
        """Something happens."""
        for event in events:
            before, self.state = self.state, fold(self.state, event)
            self.words.note(event, before, self.state)

    def test_detail(self) -> None:
        """The last word for what a car does counts until the EVSE is lost."""
        self.assertIsNone(self.words.detail("a"))
        self.happens(OccupancyReported("a", Occupancy.PLUGGED, "SuspendedEV"))
        self.assertEqual("SuspendedEV", self.words.detail("a"))
        self.happens(OccupancyReported("a", Occupancy.PLUGGED, "Finishing"))
        self.assertEqual("Finishing", self.words.detail("a"))
        self.happens(EvseLost("a", "closed"))
        self.assertIsNone(self.words.detail("a"))

    def test_refusal(self) -> None:
        """Why it was not released counts until it was, or is asked anew."""
        for end in (
            LimitsCancelled("a"),
            EvseConnected("a", "x"),
            EvseLost("a", "x"),
            DeviceBooted("a", DeviceIdentity("v", "m")),
        ):
            self.happens(LimitsCancelled("a", "Rejected"))
            self.assertEqual("Rejected", self.words.refusal("a"))
            self.happens(end)
            self.assertIsNone(self.words.refusal("a"), end)

    def test_settings(self) -> None:
        """Who is gone is forgotten, and why somebody was not released who is not to be."""
        self.happens(
            LimitsCancelled("a", "Rejected"),
            OccupancyReported("a", Occupancy.FREE, "Available"),
            OccupancyReported("b", Occupancy.FREE, "Available"),
            evolve(SETTINGS, evses=SETTINGS.evses[:1]),
        )
        self.assertEqual("Rejected", self.words.refusal("a"))
        self.assertEqual("Available", self.words.detail("a"))
        self.assertIsNone(self.words.detail("b"))
        self.happens(evolve(SETTINGS, evses=(evolve(LEFT_ALONE, enabled=True),)))
        self.assertIsNone(self.words.refusal("a"))

    def test_strangers(self) -> None:
        """Of an EVSE that is not there nothing is remembered, however many there are."""
        self.happens(OccupancyReported("c", Occupancy.FREE, "x"), LimitsCancelled("c", "x"))
        self.assertIsNone(self.words.detail("c"))
        self.assertIsNone(self.words.refusal("c"))
