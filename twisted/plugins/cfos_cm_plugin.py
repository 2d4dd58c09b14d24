"""Tells C{twistd} that the C{cfos-cm} command is there."""

from twisted.application.service import ServiceMaker

cfos_cm = ServiceMaker(
    "cfos_cm",
    "cfos_cm.tap",
    "An open charging manager: OCPP server, gateway and charging limits.",
    "cfos-cm",
)
