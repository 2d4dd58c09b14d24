"""What is made up for an EVSE that speaks no OCPP, so that its backend sees one that does."""
