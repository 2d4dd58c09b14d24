"""
The Charge Point: what a billing backend sees of an EVSE, whatever that speaks itself.

It is handed a clock, a store and what it may do to EVSEs; it opens no socket and no file.
"""
