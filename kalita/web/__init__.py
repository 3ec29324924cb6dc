"""HTTP: the server, the gate, error bodies, the description of the API."""
