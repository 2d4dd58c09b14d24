"""Tests of the package C{cfos_cm.web}."""
