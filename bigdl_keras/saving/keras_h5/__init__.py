"""HDF5 files of Keras: reading every generation, writing the legacy layout of Keras 3."""
