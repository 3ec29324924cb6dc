"""Cards of the wallet."""
