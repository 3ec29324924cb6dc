"""Connectors: how payments reach outside providers."""
