"""The tools by which assistants reach meetings: a client of the API, which speaks MCP"""
