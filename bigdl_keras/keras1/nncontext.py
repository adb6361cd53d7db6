"""What a BigDL script does before and around its model: start Spark, make samples."""

from bigdl_keras.data import Sample
from bigdl_keras.initializers import set_random_seed
from bigdl_keras.keras1.jtensor import JTensor
from bigdl_keras.spark.session import create_spark_conf, init_engine, init_nncontext

set_seed = set_random_seed
init_spark_conf = create_spark_conf
get_spark_context = init_nncontext

__all__ = ["JTensor", "Sample", "create_spark_conf", "get_spark_context", "init_engine", "init_nncontext",
           "init_spark_conf", "set_seed"]
