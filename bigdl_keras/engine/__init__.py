"""Training engines: the same loop in this process or on a gang of Spark executors."""
