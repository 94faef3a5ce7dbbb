"""docs/clients.md: its programs run, its table says what is installed."""
