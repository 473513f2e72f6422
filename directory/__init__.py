"""The compacted directory topic: its snapshot, its replica, and the writer behind `helio apply`."""
