"""WebSockets: the sockets that OCPP travels on. Autobahn does the protocol."""
