"""The running Spark: where it is, what it can do, and how its executors get this package."""
