"""The one guarded way out: whatever calls an address that somebody gave us goes through here."""
