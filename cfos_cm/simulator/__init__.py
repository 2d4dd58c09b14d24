"""
Devices that the program plays itself, to try a site without hardware.

L{cfos_cm.simulator.charge_point_service.make_charge_point} makes a wallbox with a car. It
speaks OCPP 1.6J over a real socket, and knows nothing of the program that it runs in.
L{cfos_cm.simulator.power_brain.service.make_power_brain} makes one that is steered by Modbus as
well, or alone.
"""
