"""Devices: what carries out a setpoint."""
