"""Kalita: a self-hosted electronic-wallet server on a durable double-entry ledger."""

__version__ = "0.1.0"
