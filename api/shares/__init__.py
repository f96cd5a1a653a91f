"""Share links: people with a link read a meeting without a key"""
