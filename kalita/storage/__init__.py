"""Durable rows. One meaning, two engines; the only code that speaks SQL."""
