"""The only code that moves money, and writes history beside it."""
