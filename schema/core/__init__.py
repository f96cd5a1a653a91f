"""What every feature uses: units, errors, settings, the database, file storage and events."""
