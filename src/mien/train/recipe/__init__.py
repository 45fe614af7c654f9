"""What recipes of all kinds share: settings, reading and writing, and the tables that they choose from by name."""
