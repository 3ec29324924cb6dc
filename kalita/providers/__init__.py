"""Whom one can pay, and on what terms."""
