"""Tests of the package C{cfos_cm.services.web}."""
