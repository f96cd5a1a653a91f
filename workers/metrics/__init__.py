"""What a worker measures of itself, and the address at which Prometheus reads it"""
