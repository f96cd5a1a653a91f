"""Serves the kept audio of a meeting as one file that can be sought in"""
