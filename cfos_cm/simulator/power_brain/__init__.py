"""
A virtual cFos Power Brain: steered by Modbus TCP, and a Charge Point of OCPP 1.6 beside it.

L{cfos_cm.simulator.power_brain.service.make_power_brain} makes one, with a car.
"""
