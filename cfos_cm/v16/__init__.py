"""
OCPP 1.6 as values: one frozen class for every message, and the bytes that it is on the wire.

L{cfos_cm.v16.actions} is the way in: C{read_request}, C{read_confirmation} and C{encode}.
The classes are in one module for each feature profile, and what several of them share is in
L{cfos_cm.v16.types}. Nothing here does I/O or reads a clock.

A class accepts what the official JSON schema of its message accepts; where it differs, the
schema is in error or two schemas disagree, and C{tests/v16/errata.py} says which and why.
"""
