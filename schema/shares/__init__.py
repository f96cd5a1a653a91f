"""Share links: their table, and the wire types"""
