"""Tells C{twistd} that the C{cfos-cm} command is there."""

from twisted.application.service import ServiceMaker

cfos_cm = ServiceMaker(
    "cfos_cm",
    "cfos_cm.tap",
    "An open charging manager: an OCPP 1.6J server and charging limits.",
    "cfos-cm",
)
