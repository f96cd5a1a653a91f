"""What the API measures of itself and of the stores, for Prometheus"""
