"""The page: what the browser gets, and the session that a key begins"""
