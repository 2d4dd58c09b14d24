"""
What charging profiles of OCPP come to: the one place where they are evaluated.

The values here are of no version of OCPP: L{cfos_cm.limits.schedules.ocpp16} makes them of
messages, and messages of them. Time is a whole number of seconds since 1970 in UTC, a current
a whole number of milliamps per phase. docs/charging-profiles.md tells what is decided where
the specification leaves it open.
"""
