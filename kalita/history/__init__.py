"""What an owner sees of the payments: pages, totals, one transaction."""
