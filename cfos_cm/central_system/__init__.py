"""
The Central System role of OCPP 1.6: what Charge Points connect to.

Sessions are handed text and hand text back; sockets are somebody else's. What Charge Points say
is reported as site events.
"""
