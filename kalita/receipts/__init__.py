"""Receipts of payments that succeeded, and statements of a wallet: on paper, by mail, proven by the books."""
