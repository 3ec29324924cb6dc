"""The speed table: ratios, both sides from one run. `make bench` prints and plots it."""
