"""The embedded engine: one SQLite file in WAL mode, one server process."""
