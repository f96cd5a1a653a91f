"""Keeps the committed audio of meetings, and deletes it when its time is over"""
