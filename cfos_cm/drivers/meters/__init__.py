"""Meters that are no EVSE's own: what they say, and how each kind of them is read."""
