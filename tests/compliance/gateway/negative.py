"""Cases for a Charge Point whose backend does what it should not, or nothing."""

from __future__ import annotations

from tests.compliance.case import Case
from tests.compliance.gateway.backend import NAME, Entrance, Reply
from tests.compliance.gateway.cases import BOTH, WALLBOX, negative
from tests.compliance.gateway.states import (
    AWAY,
    BOOTED,
    CHARGING,
    PLUGGED,
    STARTS,
    authorize,
    boot,
    remote_stop,
    start,
    status,
    stop,
)
from tests.compliance.gateway.steps import (
    Call,
    Comes,
    ConnectionFails,
    Dialled,
    Does,
    Entrances,
    Forgets,
    Hears,
    Knows,
    PowerFails,
    Quiet,
    Replies,
    Spaced,
    WallboxSays,
    asks,
)
from tests.compliance.patterns import POSITIVE
from tests.compliance.sites import VALID
from tests.compliance.steps import (
    Either,
    IsClosed,
    Refused,
    SaysAtOnce,
    SaysText,
    Step,
    Waits,
)

__all__ = ["CASES"]

_REFUSES = Reply(code="InternalError")
_SILENT = Reply(is_silent=True)

#: It serves on.
_ALIVE: tuple[Step, ...] = (
    asks("TriggerMessage", {"requestedMessage": "Heartbeat"}),
    Hears(Call("Heartbeat")),
)
_MISSING = Refused("OccurenceConstraintViolation", "ProtocolError", "FormationViolation")
_TYPE = Refused("TypeConstraintViolation")
_LONG = Refused("PropertyConstraintViolation")


def _wrong(action: str, payload: object, answer: object) -> Step:
    return asks(action, payload, answer, odd=True)


def _text(text: bytes) -> SaysText:
    return SaysText(text, by=NAME)


def _door(status: int, *headers: tuple[str, str], body: str = "") -> tuple[Step, ...]:
    """Everybody is turned away so; it is tried again and again, but not too often."""
    return (
        ConnectionFails(Entrance(status, headers, body)),
        Waits(310),
        Knows(state=str(status)),
    )


_KEPT = asks("GetConfiguration", {"key": ["HeartbeatInterval"]},
             {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False,
                                    "value": "300"}]})  # fmt: skip

_QUESTIONS = (
    asks("GetLocalListVersion", {}, {"listVersion": 0}),
    asks("GetConfiguration", {"key": ["NoSuchKey"]}, {"unknownKey": ["NoSuchKey"]}),
)

# fmt: off
CASES: tuple[Case, ...] = (
    negative("NEG-01_CS", "A field that must be there is not",
         "CALLERROR OccurenceConstraintViolation, ProtocolError or FormationViolation; the "
         "connection stays, and nothing happens",
         PLUGGED,
         (_wrong("RemoteStartTransaction", {"connectorId": 1}, _MISSING),
          _wrong("Reset", {}, _MISSING), Quiet(()), *_ALIVE)),
    negative("NEG-02_CS", "A field that OCPP 1.6 does not know",
         "It is ignored, or CALLERROR FormationViolation; the connection stays",
         BOOTED,
         (_wrong("GetLocalListVersion", {"vendor": 1},
                 Either({"listVersion": 0}, Refused("FormationViolation",
                                                    "OccurenceConstraintViolation"))),
          Quiet(()), *_ALIVE)),
    negative("NEG-03_CS", "A value of the wrong type",
         "CALLERROR TypeConstraintViolation for a number in quotes and for true as a number; "
         "1.0 is the integer 1",
         BOOTED,
         (_wrong("CancelReservation", {"reservationId": "1"}, _TYPE),
          _wrong("CancelReservation", {"reservationId": True}, _TYPE),
          _wrong("CancelReservation", {"reservationId": 1.0},
                 Either({"status": "Rejected"}, _TYPE)), Quiet(()), *_ALIVE)),
    negative("NEG-04_CS", "A text that is too long",
         "CALLERROR PropertyConstraintViolation; an idTag is never cut",
         PLUGGED,
         (_wrong("RemoteStartTransaction", {"connectorId": 1, "idTag": VALID + "x" * 20},
                 _LONG),
          _wrong("ChangeConfiguration", {"key": "k" * 51, "value": "1"}, _LONG),
          Quiet(()), *_ALIVE)),
    negative("NEG-05_CS", "What is not JSON, not a message, or nothing",
         "Nothing can be answered, and the connection stays; a text that is not UTF-8 closes "
         "it with 1007, and it is made again",
         BOOTED,
         (_text(b"{"), _text(b"null"), _text(b"[]"), _text(b""), _text(b"[5,1,2]"),
          _text(b"[" * 5000), Quiet(()), *_ALIVE,
          _text(b'\xff\xfe'), IsClosed(1007, by=NAME), Waits(10), Comes(),
          *_ALIVE)),
    negative("NEG-06_CS", "An action that nobody knows",
         "CALLERROR NotImplemented; upper and lower case matter",
         BOOTED,
         (_wrong("MakeCoffee", {}, Refused("NotImplemented")),
          _wrong("reset", {"type": "Soft"}, Refused("NotImplemented")), Quiet(()), *_ALIVE)),
    negative("NEG-07_CS", "An action that only a Charge Point may use",
         "CALLERROR NotSupported or NotImplemented",
         BOOTED,
         tuple(_wrong(action, {}, Refused("NotSupported", "NotImplemented"))
               for action in ("BootNotification", "Heartbeat", "StartTransaction")) + _ALIVE,
         BOTH),
    negative("NEG-08_CS", "The same message twice",
         "The same answer again, and no second effect",
         CHARGING,
         (asks("RemoteStopTransaction", {"transactionId": 501}, unique_id="one"),
          Hears(stop("Remote"), status("Finishing")),
          asks("RemoteStopTransaction", {"transactionId": 501}, unique_id="one"),
          Waits(10), Quiet(()))),
    negative("NEG-09_CS", "Answers that nobody waits for",
         "They are dropped, and the connection stays",
         BOOTED,
         (_text(b'[3,"nobody",{}]'), _text(b'[4,"nobody","GenericError","",{}]'),
          _text(b'[3,"",{}]'), Quiet(()), *_ALIVE)),
    negative("NEG-10_CS", "A question before the last one is answered",
         "All are answered in their order",
         BOOTED,
         (SaysAtOnce(_QUESTIONS * 6, by=NAME), Quiet(()), *_ALIVE)),
    negative("NEG-16", "A CALLERROR to what was charged",
         "Repeated after growing waits; then kept for somebody to look at, and what comes "
         "after it is told",
         (*PLUGGED, Replies("StartTransaction", _REFUSES, _REFUSES, _REFUSES),
          Does("show", VALID), Hears(authorize()), STARTS),
         (Waits(35), Hears(start()), Waits(60), Hears(start()),
          Spaced("StartTransaction", (30, 60)),
          Waits(120), Knows(waiting=0, dead=POSITIVE),
          Does("unplug"), Hears(status("Finishing"), maybe=(status("SuspendedEV"),)),
          Hears(status("Available")), Quiet(),
          Does("plug_in"), Hears(status("Preparing")), Waits(60),
          Does("show", VALID), Hears(authorize()), STARTS)),
    negative("NEG-17", "No answer at all",
         "Given up after 30 s while something else is answered, and repeated like after a "
         "CALLERROR",
         (*PLUGGED, Replies("StartTransaction", _SILENT), Does("show", VALID),
          Hears(authorize()), Hears(start())),
         (Waits(120), Hears(status("Charging"), start()),
          Spaced("StartTransaction", (60,), 8), Quiet(), Knows(waiting=0, dead=0))),
    negative("NEG-18", "A start that is rejected, refused, not answered or put off",
         "Silence as long as it is asked for; nothing that waits is lost",
         (*CHARGING,
          Replies("BootNotification", Reply({"status": "Rejected", "interval": 120}), _REFUSES,
                  _SILENT, Reply({"status": "Pending", "interval": 3600})),
          PowerFails(), Comes()),
         (Hears(boot()), Does("unplug"), Waits(100), Quiet(()), Knows(waiting=1), Waits(25),
          Hears(boot()), Waits(50), Quiet(()), Waits(15), Hears(boot()),
          Waits(95), Hears(boot()), Waits(3500), Quiet(()), Knows(waiting=1), Waits(110),
          Hears(boot()), Hears(stop("EVDisconnected", transactionId=501),
                               status("Available", 0), status("Available")), Quiet())),
    negative("NEG-19", "An interval of 0, -1 or 68 years",
         "An interval of its own, of 10 s or more",
         (Replies("BootNotification", Reply({"interval": 0})), *BOOTED),
         (Waits(190), Spaced("Heartbeat", (60, 60)),
          Replies("BootNotification", Reply({"interval": -1})),
          PowerFails(), *BOOTED, Waits(190), Spaced("Heartbeat", (60, 60)),
          Replies("BootNotification", Reply({"interval": 2**31})),
          PowerFails(), *BOOTED, Waits(190), Spaced("Heartbeat", (60, 60)), Quiet())),
    negative("NEG-20", "A backend that drops the connection each time",
         "One connection that lives, no more attempts than a few in a minute, and no second "
         "BootNotification",
         BOOTED,
         (*(ConnectionFails(), Waits(20), Comes()) * 3, Waits(60),
          Dialled(attempts=8, at_least=4), Quiet())),
    negative("NEG-21", "A CALLERROR to the state of a firmware, no answer to an end",
         "The one does no harm; the other is told again after the wallbox has started anew, "
         "and once more is enough",
         (*CHARGING, Replies("FirmwareStatusNotification", _REFUSES),
          WallboxSays("FirmwareStatusNotification", {"status": "Idle"}),
          Hears(Call("FirmwareStatusNotification"))),
         (Replies("StopTransaction", _SILENT), asks("Reset", {"type": "Hard"}),
          Hears(stop("HardReset")), Waits(120), Forgets(),
          Spaced("StopTransaction", (60,), 10), Knows(waiting=0, dead=0),
          remote_stop(501, "Rejected"), Quiet()), WALLBOX),
    negative("NEG-22", "A handshake that is answered with an error, a redirect or a page",
         "Growing waits; no redirect is followed, and people are told in plain words",
         BOOTED,
         (*_door(401), *_door(403), *_door(404),
          *_door(301, ("Location", "ws://127.0.0.1:1/")), *_door(400), *_door(426),
          *_door(502, ("Content-Type", "text/html"), body="<html>Bad Gateway</html>"),
          Dialled(attempts=40, at_least=8), ConnectionFails(AWAY), Waits(300),
          Knows(state="not connected: "), Entrances(), Waits(310), Comes(), _KEPT,
          Quiet())),
)
# fmt: on
