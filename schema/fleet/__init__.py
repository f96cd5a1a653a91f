"""The fleet: what all workers say about themselves, and what operators ask of them and of their queues"""
