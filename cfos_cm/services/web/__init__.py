"""What is answered over HTTP: the routes of the API, one module for each kind of thing."""
