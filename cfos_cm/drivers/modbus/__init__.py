"""Devices that speak Modbus: the line to them, and what is asked through it."""
