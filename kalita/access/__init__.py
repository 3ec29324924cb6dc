"""Who asks: tokens, their permissions, how often they may ask."""
