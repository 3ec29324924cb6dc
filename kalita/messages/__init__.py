"""How people are told: mail."""
