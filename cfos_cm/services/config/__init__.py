"""
C{tap.cfg}: parsed once to frozen values, or refused with every mistake in it.

An option is one field in L{cfos_cm.services.config.sections}; how it is read, checked and
documented follows from that.
"""

from cfos_cm.services.config.configuration import Config, changes, differences
from cfos_cm.services.config.reading import parse_config, read_config

__all__ = ["Config", "changes", "differences", "parse_config", "read_config"]
