"""What every feature rests on: units, errors, settings, the database, events."""
