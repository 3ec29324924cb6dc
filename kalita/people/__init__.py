"""Who they are: wallets, profiles, balances."""
