"""Tests of L{cfos_cm.certificates}."""
