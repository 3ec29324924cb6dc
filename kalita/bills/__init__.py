"""Bills: asking for money, by whoever holds a pair of keys; paying them, by whoever has a wallet."""
