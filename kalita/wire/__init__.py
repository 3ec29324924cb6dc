"""What every HTTP call shares: the endpoint row, the strict door, dates."""
