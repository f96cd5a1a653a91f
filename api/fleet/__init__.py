"""Routes for operators: workers, queues, meetings that are behind, and failed tasks"""
