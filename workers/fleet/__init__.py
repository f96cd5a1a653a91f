"""Says in Redis what this worker does, and follows what operators ask: drain, restart, pause a queue"""
