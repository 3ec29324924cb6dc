"""How much owners may move, by their level: the table, the counters that bind payments, what the API shows of them."""
