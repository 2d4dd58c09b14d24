"""
An open charging manager: an OCPP 1.6J server and charging limits in one Twisted process.

C{docs/architecture.md} shows the layers and says where a new thing goes.
"""
