"""Tells C{twistd} that C{cfos-cm}, C{cfos-wallbox} and C{cfos-backend} are there."""

from twisted.application.service import ServiceMaker

cfos_cm = ServiceMaker(
    "cfos_cm",
    "cfos_cm.tap",
    "An open charging manager: an OCPP 1.6J server and charging limits.",
    "cfos-cm",
)

cfos_wallbox = ServiceMaker(
    "cfos_wallbox",
    "cfos_cm.wallbox_tap",
    "Virtual cFos Power Brains: wallboxes steered by Modbus, with OCPP 1.6J beside it.",
    "cfos-wallbox",
)

cfos_backend = ServiceMaker(
    "cfos_backend",
    "cfos_cm.backend_tap",
    "Virtual billing backends: OCPP 1.6J servers that show what they bill.",
    "cfos-backend",
)
