"""Payments: what is asked becomes one order of the ledger."""
