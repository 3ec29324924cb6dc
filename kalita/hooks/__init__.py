"""Owners are told what happens to their money: hooks, messages, delivery."""
