"""
An open charging manager: OCPP server, OCPP gateway and charging limits in one Twisted process.

C{docs/architecture.md} shows the layers and says where a new thing goes.
"""
