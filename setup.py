"""Let old tools find the package; everything about it is in C{setup.cfg}."""

from setuptools import setup

setup()
