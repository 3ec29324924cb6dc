"""The engine for many processes: PostgreSQL 15 or newer, one server or a replicated cluster."""
