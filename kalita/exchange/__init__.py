"""Exchange: what one currency costs in another."""
